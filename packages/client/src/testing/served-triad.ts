import { ed25519Scheme, licenseHash, parseLicense, signBorrowToken, signLicense } from '@lic/core';
import { type Connection, silentLogger } from '@lic/interfaces';
import {
  decodeClientMessage,
  encodeServerMessage,
  type ServerMessage,
  type WelcomeMessage,
  welcomeText,
} from '@lic/protocol';
import { createMemoryNetwork, createVirtualWorld, type MemoryNetwork, type VirtualWorld } from '@lic/testkit';
import { base64url } from '../logic/entropy.ts';
import { type FakeConnection, FakeTriad } from './fake-triad.ts';
import type { TestFeature } from './licenses.ts';

const names = ['primary', 'secondary', 'tertiary'] as const;

/** A fake triad behind real frames, signatures and connections, on virtual time. */
export interface ServedTriad {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly triad: FakeTriad;
  readonly vendorKey: string;
  readonly addresses: readonly string[];
  /** May change what a server says of itself before it is sent; signed before. */
  tamper: (welcome: WelcomeMessage) => WelcomeMessage;
  /** The hellos received, in order. */
  readonly hellos: { readonly rank: number; readonly licenseHash: string | undefined }[];
  /** Kills a server's process. */
  kill(rank: number): void;
  /** Settles a promise by letting virtual time go by. */
  run<Value>(promise: Promise<Value>): Promise<Value>;
}

export async function serveTriad(
  features: readonly TestFeature[] = [{ name: 'compare', count: 2 }],
): Promise<ServedTriad> {
  const world = createVirtualWorld({ seed: 7 });
  const network = createMemoryNetwork({ world, latency: { minMs: 1, maxMs: 2 } });
  const seed = (name: string) => world.random.fork(name).bytes(32);
  const vendor = await ed25519Scheme.generate(seed('vendor'));
  const identities = await Promise.all(names.map((name) => ed25519Scheme.generate(seed(name))));
  const addresses = names.map((name) => `mem://${name}:1`);
  const servers = names.map((name, at) => ({
    name,
    address: addresses[at] as string,
    key: identities[at]?.publicKey as string,
  }));
  const license = await signLicense({
    terms: {
      vendor: 'acme',
      licensee: 'Test',
      servers: servers.map((server, at) => ({ rank: at + 1, ...server })),
      features: features.map((feature) => ({ version: '12.0', ...feature })),
    },
    privateKeyPem: vendor.privateKeyPem,
    id: 'license-1',
    issuedAt: '2026-01-01T00:00:00Z',
  });
  const triad = new FakeTriad({
    nowMs: () => world.nowMs,
    schedule: (delayMs, run) => world.schedule(delayMs, run),
    license,
    licenseHash: licenseHash(parseLicense(license)),
    servers,
    leaseMs: 10_000,
    marginMs: 1_000,
  });
  const reclaim = (): void => {
    triad.reclaim();
    world.schedule(100, reclaim);
  };
  reclaim();

  const served: ServedTriad = {
    world,
    network,
    triad,
    vendorKey: vendor.publicKey,
    addresses,
    tamper: (welcome) => welcome,
    hellos: [],
    kill(rank) {
      triad.kill(rank, () => undefined);
      network.killHost(names[rank - 1] as string, { seenAs: 'orderly' });
    },
    async run(promise) {
      let isSettled = false;
      const settled = (): void => {
        isSettled = true;
      };
      promise.then(settled, settled);
      await world.run({ until: () => isSettled, forMs: 60_000 });
      return promise;
    },
  };

  const sign = async (rank: number, welcome: WelcomeMessage): Promise<WelcomeMessage> => {
    const { signature: _, ...fields } = welcome;
    const pem = identities[rank - 1]?.privateKeyPem as string;
    const signature = await ed25519Scheme.sign(pem, new TextEncoder().encode(welcomeText(fields)));
    return { ...welcome, signature: base64url(signature) };
  };
  const tokenOf = (rank: number, borrow: string): Promise<string> => {
    const view = triad.ledger.borrow(borrow);
    if (view === undefined) throw new Error(`nothing is borrowed under ${borrow}`);
    const { feature, version, count, user, host, sinceMs, untilMs = sinceMs } = view;
    const { publicKey: server, privateKeyPem } = identities[rank - 1]!;
    const seats = { feature, version, count, user, host, sinceMs, untilMs };
    return signBorrowToken({ borrow, ...seats, instance: 'triad-1', licenses: [license], server }, privateKeyPem);
  };
  const serve = (rank: number, connection: Connection): void => {
    /** The ids of borrows that were asked for on this connection, by the request's id. */
    const borrows = new Map<number, string>();
    const sendBorrowed = async (message: Extract<ServerMessage, { t: 'borrowed' }>): Promise<void> => {
      const token = await tokenOf(rank, borrows.get(message.id)!);
      connection.send(encodeServerMessage({ ...message, token }));
    };
    const fake: FakeConnection = {
      send: (message) =>
        void (message.t === 'borrowed' ? sendBorrowed(message) : connection.send(encodeServerMessage(message))),
      close: () => connection.close(),
    };
    connection.onClose(({ kind }) => triad.disconnected(rank, fake, kind === 'orderly'));
    connection.onFrame((frame) => {
      const message = decodeClientMessage(frame as string);
      if (message.t === 'borrow') borrows.set(message.id, message.borrow);
      if (message.t !== 'hello') {
        triad.receive(rank, fake, message);
        return;
      }
      served.hellos.push({ rank, licenseHash: message.licenseHash });
      void sign(rank, triad.welcome(rank, message)).then((welcome) => {
        triad.connected(rank, fake);
        fake.send(served.tamper(welcome));
      });
    });
  };
  for (const [at, name] of names.entries()) {
    const transport = network.transport(name)({ runtime: world.runtime(name), logger: silentLogger });
    await transport.listen(`mem://${name}:1`, { onConnection: (connection) => serve(at + 1, connection) });
  }
  return served;
}
