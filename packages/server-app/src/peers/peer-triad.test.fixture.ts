import type {
  Connection,
  Frame,
  LogFields,
  Logger,
  PeerId,
  PeerLink,
  Runtime,
  SignatureScheme,
  Transport,
  TransportFactory,
} from '@lic/interfaces';
import { createTriadPeers, type PeerEndpoint, type TriadPeers, type TriadPeersOptions } from './triad-peers.ts';

/** An identity whose key comes from a number, so that a run can be repeated. */
export interface TestIdentity {
  readonly publicKey: string;
  readonly privateKeyPem: string;
}

/** Three servers' identities, lowest key first, and where they are. */
export interface TestMembers {
  readonly identities: readonly TestIdentity[];
  readonly endpoints: readonly PeerEndpoint[];
}

export const hosts = ['a', 'b', 'c'] as const;

/** Members in order of their keys: the first one chooses among links. Host names are the names. */
export async function makeMembers(scheme: SignatureScheme, count = 3): Promise<TestMembers> {
  const made = await Promise.all(
    [...Array(count).keys()].map((seed) => scheme.generate(new Uint8Array(32).fill(seed + 1))),
  );
  const identities = made.sort((x, y) => (x.publicKey < y.publicKey ? -1 : 1));
  const endpoints = identities.map(({ publicKey }, at) => {
    const name = hosts[at] ?? '';
    return { id: publicKey, name, rank: at + 1, addresses: [`mem://${name}:1`] };
  });
  return { identities, endpoints };
}

/** A logger that keeps what it is told. */
export function keepingLogger(): Logger & {
  readonly lines: { level: string; message: string; fields: LogFields | undefined }[];
} {
  const lines: { level: string; message: string; fields: LogFields | undefined }[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push({ level, message, fields });
  const logger = {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

/** Listens, and tells clients from peers as a server does. Answers the connections that spoke text first. */
export async function listenFor(
  peers: TriadPeers,
  transport: ReturnType<TransportFactory>,
  address: string,
): Promise<{ close(): Promise<void> }> {
  const onConnection = (connection: Connection) => {
    connection.onFrame((frame: Frame) => {
      if (typeof frame === 'string') connection.close();
      else peers.accept(connection, frame);
    });
  };
  return transport.listen(address, { onConnection });
}

/** What one process of one server is started with. */
export interface StartOptions extends Partial<TriadPeersOptions> {
  readonly runtime: Runtime;
  readonly transport: TransportFactory;
  readonly scheme: SignatureScheme;
  readonly members: TestMembers;
  /** Which member it is. */
  readonly at: number;
}

/** A process with its links, and everything that channel `test` and the network told it. */
export interface TestServer {
  readonly id: PeerId;
  readonly peers: TriadPeers;
  readonly logger: ReturnType<typeof keepingLogger>;
  /** In order: `up b`, `lost b`, `end b replaced`, `b says hello`. */
  readonly events: string[];
  /** The current link to each peer, by name. */
  readonly links: Map<string, PeerLink>;
  say(to: string, text: string): void;
  /** Connections of its transport that are open, to whomever. */
  openConnections(): number;
}

/** Starts a server's links: listens at its address, dials the others. */
export async function startPeers(options: StartOptions): Promise<TestServer> {
  const { runtime, scheme, members, at } = options;
  const logger = keepingLogger();
  const { transport, openConnections } = counting(options.transport({ runtime, logger }));
  const identity = options.identity ?? members.identities[at] ?? { publicKey: '', privateKeyPem: '' };
  const peers = createTriadPeers({
    logger,
    transports: [transport],
    identity,
    bootId: Buffer.from(runtime.random(16)).toString('base64url'),
    instance: null,
    endpoints: members.endpoints,
    ...options,
    runtime,
    scheme,
  });
  const events: string[] = [];
  const links = new Map<string, PeerLink>();
  const nameOf = (peer: PeerId) => members.endpoints.find(({ id }) => id === peer)?.name ?? 'stranger';
  peers.channel('test').onLink((link) => {
    const name = nameOf(link.peer);
    events.push(`up ${name}`);
    links.set(name, link);
    link.onFrame((frame) => events.push(`${name} says ${new TextDecoder().decode(frame)}`));
    link.onClose(({ kind }) => {
      events.push(`end ${name} ${kind}`);
      if (links.get(name) === link) links.delete(name);
    });
  });
  peers.onLost((peer) => events.push(`lost ${nameOf(peer)}`));
  await listenFor(peers, transport, members.endpoints[at]?.addresses[0] ?? '');
  peers.start();
  return {
    id: identity.publicKey,
    peers,
    logger,
    events,
    links,
    openConnections,
    say: (to, text) => void links.get(to)?.send(new TextEncoder().encode(text)),
  };
}

/** A transport that knows how many of its connections are open. */
function counting(inner: Transport): { readonly transport: Transport; readonly openConnections: () => number } {
  let open = 0;
  const counted = (connection: Connection): Connection => {
    open++;
    connection.onClose(() => open--);
    return connection;
  };
  const transport: Transport = {
    schemes: inner.schemes,
    dial: async (address, dialOptions) => counted(await inner.dial(address, dialOptions)),
    listen: (address, listening) =>
      inner.listen(address, {
        ...listening,
        onConnection: (connection) => listening.onConnection(counted(connection)),
      }),
  };
  return { transport, openConnections: () => open };
}
