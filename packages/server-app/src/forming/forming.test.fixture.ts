import type { Logger, LogStore, Runtime, SignatureScheme, TransportFactory } from '@lic/interfaces';
import { createPeerCalls } from '../peers/peer-calls.ts';
import { listenFor, type TestMembers } from '../peers/peer-triad.test.fixture.ts';
import { createTriadPeers, type TriadPeers } from '../peers/triad-peers.ts';
import { FolderBook } from './folder-book.ts';
import { FormWord } from './form-word.ts';
import { formTriad, type JoinedTriad } from './forming.ts';

/** What one process of one server is started with. */
export interface FormingOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly transport: TransportFactory;
  readonly scheme: SignatureScheme;
  readonly members: TestMembers;
  /** Which member it is. */
  readonly at: number;
  readonly store: LogStore;
  readonly licenseHash?: string;
  readonly isNew?: boolean;
}

/** A process that forms its triad. */
export interface FormingServer {
  readonly peers: TriadPeers;
  /** What came of it. */
  joined: JoinedTriad | undefined;
  failure: unknown;
  /** What it waited for, one after the other. */
  readonly reasons: string[];
  /** The operator's, at this server. */
  readonly word: FormWord;
  abort(): void;
}

/** Starts a server up to the point where its triad has formed. */
export async function startForming(options: FormingOptions): Promise<FormingServer> {
  const { runtime, logger, scheme, members, at, store } = options;
  const transport = options.transport({ runtime, logger });
  const identity = members.identities[at] ?? { publicKey: '', privateKeyPem: '' };
  const { endpoints } = members;
  const contents = await store.open();
  const bootId = Buffer.from(runtime.random(16)).toString('base64url');
  const peers = createTriadPeers({
    runtime,
    logger,
    transports: [transport],
    identity,
    scheme,
    bootId,
    instance: null,
    endpoints,
  });
  const stopping = new AbortController();
  const word = new FormWord(runtime);
  const server: FormingServer = {
    peers,
    joined: undefined,
    failure: undefined,
    reasons: [],
    word,
    abort: () => stopping.abort(),
  };
  const form = async (): Promise<JoinedTriad> =>
    formTriad({
      runtime,
      logger,
      book: await FolderBook.open(store, contents, runtime),
      network: peers,
      calls: createPeerCalls(peers, { runtime }),
      self: identity.publicKey,
      endpoints,
      licenseHash: options.licenseHash ?? 'hash-1',
      isNew: options.isNew ?? true,
      word,
      signal: stopping.signal,
      onWaiting: (reason) => server.reasons.push(reason),
    });
  form().then(
    (joined) => {
      server.joined = joined;
    },
    (failure: unknown) => {
      server.failure = failure;
    },
  );
  const address = endpoints.find(({ id }) => id === identity.publicKey)?.addresses[0];
  if (address !== undefined) await listenFor(peers, transport, address);
  peers.start();
  return server;
}
