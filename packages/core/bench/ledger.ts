/**
 * What the ledger costs at 1 000, 100 000 and 1 000 000 grants, five to a session: commands per second, the longest stop of
 * the event loop, bytes of a snapshot. From the repository's root:
 *
 *     npx esbuild packages/core/bench/ledger.ts --bundle --platform=node --format=esm --conditions=@lic/source \
 *       | node --input-type=module -
 *
 * Compare the lines of one run with each other; between machines and days they differ by half.
 */
import { performance } from 'node:perf_hooks';
import { createLedger, encodeCommand, type Ledger, type LedgerCommand, type LedgerResult } from '../src/index.ts';

const grantsPerSession = 5;
const at = Date.UTC(2026, 5, 1);
const anyHash = '0'.repeat(64);
const key = 'ed25519:9jjZsEmTHyasQpn93so6J7Tr3ZKTr3CVjn8MxfzBLMQ';

const license = JSON.stringify({
  lic: 1,
  id: 'bench',
  vendor: 'acme',
  licensee: 'Bench',
  issuedAt: '2026-01-01T00:00:00Z',
  servers: [{ rank: 1, name: 's1', address: 'tcp://s1:7411', key }],
  features: Array.from({ length: 10 }, (_, i) => ({ name: `feature-${i}`, version: '12.0', count: 1_000_000 })),
  signature: { alg: 'Ed25519', keyId: '0123456789abcdef', value: 'A'.repeat(86) },
});

/** The ledger under test, with what its commands took. */
class Bench {
  readonly ledger: Ledger = createLedger({ verifyLicense: () => undefined });
  #index = 0;

  constructor() {
    const settings = { leaseMs: 60_000, drift: 0.01, marginMs: 1000, allowShortLeases: false };
    this.apply({ kind: 'open', at, license, licenseHash: anyHash, settings, isNew: true, ledgerVersion: 1 });
  }

  apply(command: LedgerCommand): LedgerResult {
    return this.ledger.apply(++this.#index, encodeCommand(command));
  }

  checkout(session: number, seq: number): void {
    const opening = { secretHash: anyHash, user: `user${session % 5000}`, host: `workstation-${session % 10_000}` };
    const { reply } = this.apply({
      kind: 'checkout',
      at,
      ...envelope(session, seq),
      ...(seq === 1 ? { opening } : {}),
      feature: `feature-${seq % 10}`,
      count: 1,
    });
    if (reply.kind !== 'granted') throw new Error(JSON.stringify(reply));
  }

  checkin(session: number, seq: number, grant: string): void {
    const { reply } = this.apply({ kind: 'checkin', at, ...envelope(session, seq), grant });
    if (reply.kind !== 'done') throw new Error(JSON.stringify(reply));
  }
}

function idOf(session: number): string {
  // Spread over the first letters as random ids are.
  const letter = String.fromCharCode(97 + (session % 26));
  return `${letter}${session.toString(36)}`.padEnd(22, '_');
}

function envelope(session: number, seq: number) {
  return { session: idOf(session), seq, awaited: seq, attempt: 1, epoch: seq === 1 ? 0 : 1 };
}

/** The longest of the stretches between two points where the event loop could run. */
class Stretches {
  longestMs = 0;
  #sinceMs = performance.now();

  async pause(): Promise<void> {
    this.longestMs = Math.max(this.longestMs, performance.now() - this.#sinceMs);
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }
}

function timed(count: number, run: (i: number) => void): { readonly perSecond: number; readonly longestMs: number } {
  const beganMs = performance.now();
  let longestMs = 0;
  let lastMs = beganMs;
  for (let i = 0; i < count; i++) {
    run(i);
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  return { perSecond: (count / (lastMs - beganMs)) * 1000, longestMs };
}

async function snapshotOf(ledger: Ledger): Promise<{ readonly chunks: Uint8Array[]; readonly longestMs: number }> {
  const stretches = new Stretches();
  const chunks: Uint8Array[] = [];
  for await (const chunk of ledger.snapshot()) {
    chunks.push(chunk);
    await stretches.pause();
  }
  return { chunks, longestMs: stretches.longestMs };
}

async function restored(chunks: readonly Uint8Array[]): Promise<number> {
  const stretches = new Stretches();
  const target = new Bench().ledger;
  await target.restore(
    (async function* () {
      for (const chunk of chunks) {
        yield chunk;
        await stretches.pause();
      }
    })(),
  );
  await stretches.pause();
  return stretches.longestMs;
}

function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

const rate = (perSecond: number) => `${Math.round(perSecond).toLocaleString('en')}/s`;
const ms = (value: number) => `${value.toFixed(1)} ms`;

async function measure(grants: number): Promise<void> {
  const sessions = grants / grantsPerSession;
  const bench = new Bench();
  const filled = timed(grants, (i) => bench.checkout(i % sessions, 1 + Math.floor(i / sessions)));
  const memory = process.memoryUsage().heapUsed;
  const pairs = timed(20_000, (i) => {
    const session = i % Math.min(sessions, 2000);
    const seq = grantsPerSession + 1 + 2 * Math.floor(i / Math.min(sessions, 2000));
    bench.checkout(session, seq);
    bench.checkin(session, seq + 1, bench.ledger.grantsOf(idOf(session)).at(-1)!.id);
  });
  const full = await snapshotOf(bench.ledger);
  const restoreMs = await restored(full.chunks);
  const bytes = bytesOf(full.chunks);
  for (let session = 0; session < sessions; session++) {
    const { epoch } = bench.ledger.session(idOf(session))!;
    bench.apply({ kind: 'disconnect', at, session: idOf(session), epoch });
  }
  const hash = timed(100_000, () => void bench.ledger.hash());
  console.log(`${grants.toLocaleString('en').padStart(9)} grants, ${sessions.toLocaleString('en')} sessions:`);
  console.log(
    `  filled ${rate(filled.perSecond)} (longest command ${ms(filled.longestMs)}), heap ${(memory / 2 ** 20).toFixed(0)} MiB`,
  );
  console.log(
    `  checkout + checkin ${rate(2 * pairs.perSecond)} (longest pair ${ms(pairs.longestMs)}), hash ${rate(hash.perSecond)}`,
  );
  console.log(
    `  snapshot ${(bytes / grants).toFixed(1)} bytes per grant, its session included; longest stop ${ms(full.longestMs)}`,
  );
  console.log(`  restore: longest stop ${ms(restoreMs)}`);
}

for (const grants of [1000, 100_000, 1_000_000]) await measure(grants);
