/**
 * What one server in control does per second where neither network nor disk costs anything: heartbeats, checkouts with
 * their checkins, resumes. From the repository's root:
 *
 *     npx esbuild packages/simulator/bench/hot-path.ts --bundle --platform=node --format=esm --conditions=@lic/source \
 *       | node --input-type=module -
 *
 * Counted per second of this process's processor time, so that a busy machine changes little. It includes the clients'
 * side, which is next to nothing. Compare the lines of one run with each other.
 */
import { raft } from '@lic/consensus';
import { ed25519Scheme } from '@lic/core';
import { type CloseReason, type Connection, type Frame, silentLogger, type TransportFactory } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { createServer } from '@lic/server-app';
import { createMemoryLogStore, MemoryDisk } from '@lic/testkit';
import { nameServers, signFor, vendor } from '../src/cluster/cluster-license.ts';

const sessionCount = 1_000;
const heartbeats = 200_000;
const checkouts = 50_000;
/** Messages that all clients together have under way. */
const windowSize = 500;

/** A client's end of a connection that is a function call. */
class Line {
  onAnswer: (text: string) => void = () => {};
  #toServer: (frame: Frame) => void = () => {};

  say(message: object): void {
    this.#toServer(JSON.stringify(message));
  }

  serverEnd(): Connection {
    return {
      remote: 'call://bench',
      send: (frame) => {
        this.onAnswer(frame as string);
        return true;
      },
      drained: async () => {},
      onFrame: (receiver) => {
        this.#toServer = receiver;
      },
      onClose: (_listener: (reason: CloseReason) => void) => {},
      close() {},
      abort() {},
      setKeepAlive() {},
    };
  }
}

let accept: (connection: Connection) => void = () => {};
const calls: TransportFactory = () => ({
  schemes: ['call'],
  dial: () => Promise.reject(new Error('nobody is dialled here')),
  listen: async (address, { onConnection }) => {
    accept = onConnection;
    return { address, close: async () => {} };
  },
});

/** One session on a line of its own; without logic. */
interface Party {
  readonly line: Line;
  readonly id: string;
  readonly secret: string;
  epoch: number;
  seq: number;
}

const base64url = (bytes: number): string => Buffer.from(runtime.random(bytes)).toString('base64url');

const named = (await nameServers(1)).map((server) => ({ ...server, address: 'call://bench:1' }));
const license = await signFor(named, { features: [{ name: 'compare', version: '12.0', count: 'uncounted' }] });
const server = createServer({
  runtime,
  logger: silentLogger,
  transports: [calls],
  consensus: raft(),
  store: createMemoryLogStore(new MemoryDisk()),
  scheme: ed25519Scheme,
  identity: named[0]!.identity,
  vendorKey: vendor.publicKey,
  readLicense: async () => license,
  listen: ['call://bench:1'],
  isNew: true,
  adminToken: 'token',
  timing: { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 },
  settings: { leaseMs: 600_000, drift: 0.01, marginMs: 1_000, allowShortLeases: false },
});
await server.start();
while (server.inspect().ledger.licenseText() === null) await new Promise((resolve) => setImmediate(resolve));

/** Keeps `windowSize` messages under way until `count` were answered; `next` says one of the party. Prints the rate. */
async function measure(
  what: string,
  count: number,
  parties: readonly Party[],
  next: (party: Party) => void,
  isAnswer: (text: string, party: Party) => boolean,
): Promise<void> {
  for (const warm of [true, false]) {
    let said = 0;
    let answered = 0;
    const began = process.cpuUsage();
    await new Promise<void>((resolve) => {
      const waiting: Party[] = [];
      // A server reads what has come since its last turn.
      const turn = (): void => {
        for (const party of waiting.splice(0)) if (said < count) say(party);
        if (answered < count) setImmediate(turn);
        else resolve();
      };
      const say = (party: Party): void => {
        said++;
        next(party);
      };
      for (const party of parties) {
        party.line.onAnswer = (text) => {
          if (!isAnswer(text, party)) throw new Error(text);
          answered++;
          waiting.push(party);
        };
      }
      waiting.push(...parties.slice(0, windowSize));
      turn();
    });
    const { user, system } = process.cpuUsage(began);
    const perSecond = Math.round((count / (user + system)) * 1e6);
    if (!warm) console.log(`${what.padEnd(46)} ${perSecond.toLocaleString('en')} per second of CPU`);
  }
}

const parties: Party[] = Array.from({ length: sessionCount }, () => {
  const line = new Line();
  accept(line.serverEnd());
  return { line, id: base64url(16), secret: base64url(32), epoch: 0, seq: 0 };
});
for (const { line } of parties) {
  await new Promise<void>((resolve) => {
    line.onAnswer = () => resolve();
    line.say({ t: 'hello', protocol: { min: 1, max: 1 }, nonce: base64url(32), agent: 'bench' });
  });
}

let id = 1;
const say = (party: Party, t: string, more: object): void => {
  party.seq++;
  party.line.say({
    t,
    id: id++,
    session: party.id,
    seq: party.seq,
    awaited: party.seq,
    attempt: 1,
    epoch: party.seq === 1 ? 0 : party.epoch,
    ...more,
  });
};
for (const party of parties) {
  await new Promise<void>((resolve) => {
    party.line.onAnswer = (text) => {
      party.epoch = (JSON.parse(text) as { epoch: number }).epoch;
      resolve();
    };
    say(party, 'checkout', {
      opening: { secret: party.secret, user: 'ann', host: 'desk' },
      feature: 'compare',
      count: 1,
    });
  });
}

await measure(
  'heartbeats, each session with one grant',
  heartbeats,
  parties,
  ({ line, id: session, epoch }) => line.say({ t: 'heartbeat', session, epoch, number: id++ }),
  (text) => text.startsWith('{"t":"heartbeatAnswer"'),
);
const held = new Map<Party, string>();
await measure(
  'checkouts and checkins, together',
  checkouts,
  parties,
  (party) => {
    const grant = held.get(party);
    held.delete(party);
    if (grant === undefined) say(party, 'checkout', { feature: 'compare', count: 1 });
    else say(party, 'checkin', { grant });
  },
  (text, party) => {
    const answer = JSON.parse(text) as { t: string; grant?: { id: string } };
    if (answer.grant !== undefined) held.set(party, answer.grant.id);
    return answer.t === 'granted' || answer.t === 'done';
  },
);
await measure(
  'resumes, each on the connection that it had',
  checkouts,
  parties,
  ({ line, id: session, secret, epoch }) =>
    line.say({ t: 'resume', id: id++, session, secret, epoch, request: base64url(16), attempt: 1 }),
  (text, party) => {
    const answer = JSON.parse(text) as { t: string; epoch: number };
    party.epoch = answer.epoch;
    return answer.t === 'resumed';
  },
);
await server.stop({ handover: false });
