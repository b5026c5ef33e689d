/**
 * What the client costs per checkout and checkin, and the codec per message. From the repository's root:
 *
 *     npx esbuild packages/client/bench/pipeline.ts --bundle --platform=node --format=esm --conditions=@lic/source \
 *       | node --input-type=module -
 *
 * Compare the lines of one run with each other; between machines and days they differ by half.
 */
import { performance } from 'node:perf_hooks';
import {
  type ClientMessage,
  decodeClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  encodeServerMessage,
  type ServerMessage,
} from '@lic/protocol';
import { ClientLogic } from '../src/logic/client-logic.ts';
import { entropyBytesMin } from '../src/logic/entropy.ts';
import { defaultTiming } from '../src/logic/timing.ts';

const rounds = 200_000;
const epoch = 1;

/** Runs `body` twice, the first time to warm up, and prints how often a second it ran. */
function measure(what: string, count: number, body: () => void): void {
  body();
  const began = performance.now();
  body();
  const perSecond = Math.round((count / (performance.now() - began)) * 1000);
  console.log(`${what.padEnd(46)} ${perSecond.toLocaleString('en')}/s`);
}

const grantOf = (seq: number) => ({
  id: `g${seq}`,
  feature: 'compare',
  version: '12.0',
  count: 1,
  sinceMs: 1_780_000_000_000,
  leaseMs: 60_000,
  reclaim: 'lease' as const,
  state: 'active' as const,
  checkoutSeq: seq,
});

function answer(message: ClientMessage): ServerMessage {
  if (message.t === 'checkout')
    return { t: 'granted', id: message.id, seq: message.seq, epoch, grant: grantOf(message.seq) };
  if (!('seq' in message)) throw new Error(`not expected here: ${message.t}`);
  return { t: 'done', id: message.id, seq: message.seq, epoch };
}

/** `count` pairs of checkout and checkin, `inFlight` at a time; each message also through the codec where `isOnWire`. */
function pairs(count: number, inFlight: number, isOnWire: boolean): void {
  const entropy = new Uint8Array(4 * entropyBytesMin);
  const logic = new ClientLogic(
    { addresses: ['mem://a:1'], schemes: ['mem'], identity: { user: 'u', host: 'h' }, timing: defaultTiming },
    entropy,
  );
  const clocks = { monotonicMs: 1, wallMs: 1 };
  const toServer: ClientMessage[] = [];
  let call = 0;
  let done = 0;
  const step = (input: Parameters<typeof logic.step>[0]): void => {
    for (const output of logic.step(input, clocks)) {
      if (output.kind === 'send') {
        toServer.push(isOnWire ? decodeClientMessage(encodeClientMessage(output.message)) : output.message);
      } else if (output.kind === 'granted') step({ kind: 'checkin', call: ++call, grant: output.holding.id });
      else if (output.kind === 'done') {
        done += 1;
        if (call < 2 * count) checkout();
      }
    }
    logic.nextWakeMs();
  };
  const checkout = (): void =>
    step({ kind: 'checkout', call: ++call, wanted: { feature: 'compare', version: undefined, count: 1, waitMs: 0 } });
  for (let at = 0; at < inFlight; at++) checkout();
  step({
    kind: 'linkUp',
    link: 1,
    welcome: {
      t: 'welcome',
      protocol: 1,
      nonce: 'n',
      server: { key: 'k', name: 'a', rank: 1 },
      instance: null,
      bootId: 'b',
      licenseHash: null,
      state: 'in-control',
      term: 1,
      control: null,
      servers: [],
      settings: { repeatAfterMs: 250, leaseMs: 60_000 },
      signature: '',
    },
  });
  while (done < count) {
    const messages = toServer.splice(0);
    if (messages.length === 0) throw new Error('it stands still');
    for (const message of messages) {
      const reply = answer(message);
      step({ kind: 'message', link: 1, message: isOnWire ? decodeServerMessage(encodeServerMessage(reply)) : reply });
    }
  }
}

const session = 'A'.repeat(22);
const envelope = { session, seq: 7, awaited: 7, attempt: 1, epoch };
const samples: Record<string, ClientMessage> = {
  checkout: { t: 'checkout', id: 7, ...envelope, feature: 'compare', version: '12.0', count: 1 },
  heartbeat: { t: 'heartbeat', session, epoch, number: 7 },
};
for (const [name, message] of Object.entries(samples)) {
  const text = encodeClientMessage(message);
  measure(`JSON.parse ${name}`, rounds, () => {
    for (let at = 0; at < rounds; at++) JSON.parse(text);
  });
  measure(`decode ${name}`, rounds, () => {
    for (let at = 0; at < rounds; at++) decodeClientMessage(text);
  });
}
const replies: Record<string, ServerMessage> = {
  granted: { t: 'granted', id: 7, seq: 7, epoch, grant: grantOf(7) },
  heartbeatAnswer: { t: 'heartbeatAnswer', number: 7, epoch, leaseMs: 60_000, ending: [] },
};
for (const [name, message] of Object.entries(replies)) {
  const text = encodeServerMessage(message);
  measure(`decode ${name}`, rounds, () => {
    for (let at = 0; at < rounds; at++) decodeServerMessage(text);
  });
  measure(`encode ${name}`, rounds, () => {
    for (let at = 0; at < rounds; at++) encodeServerMessage(message);
  });
}
for (const inFlight of [1, 64, 512]) {
  measure(`checkout + checkin, logic, ${inFlight} under way`, 50_000, () => pairs(50_000, inFlight, false));
  measure(`checkout + checkin, both codecs, ${inFlight} under way`, 50_000, () => pairs(50_000, inFlight, true));
}
