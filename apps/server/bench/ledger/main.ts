/**
 * One line of the ledger's costs, in a process of its own: `node --expose-gc case.js GRANTS RULES` prints a `LedgerCost` as JSON. A heap
 * that other lines have used before would make it another measurement.
 */
import { createLedger, type Ledger } from '@lic/core';
import { checkPolicy, parsePolicy } from '@lic/core/policy-text';
import { quantile } from '../quantiles.ts';
import type { LedgerCost } from './cost.ts';
import { Crowd } from './crowd.ts';
import { policyOfManyRules } from './rules.ts';
import { lengthOf, Stretches } from './stretches.ts';

const warmUpPairs = 20_000;
const batches = 15;
const pairsPerBatch = 2_000;

const [grants = 1_000, rules = 0] = process.argv.slice(2).map(Number);
process.stdout.write(`${JSON.stringify(await measure(grants, rules > 0))}\n`);

async function measure(grants: number, isWithRules: boolean): Promise<LedgerCost> {
  const text = policyOfManyRules();
  const document = parsePolicy(text);
  const crowd = new Crowd(grants);
  const { ledger } = crowd;
  const issues = checkPolicy(document, ledger.license()!.features);
  if (issues.length > 0) throw new Error(JSON.stringify(issues.slice(0, 5)));
  const bareBytes = heapBytes();
  if (isWithRules) crowd.loadPolicy(text, document);
  const emptyBytes = heapBytes();
  const headBytes = bytesOf((await takeSnapshot(ledger)).chunks);
  let longestCommandMs = 0;
  const fillMs = lengthOf(() => {
    for (let i = 0; i < grants; i++)
      longestCommandMs = Math.max(
        longestCommandMs,
        lengthOf(() => crowd.take(i)),
      );
  });
  const heapBytesPerGrant = (heapBytes() - emptyBytes) / grants;
  const snapshot = await takeSnapshot(ledger);
  const restoreStopMs = await restore(snapshot.chunks);

  for (let i = 0; i < warmUpPairs; i++) crowd.takeAndGiveBack(i);
  const pairsPerSecond = rateOf((i) => crowd.takeAndGiveBack(warmUpPairs + i));
  for (let i = 0; i < pairsPerBatch; i++) crowd.beDenied(i);
  const denialsPerSecond = rateOf((i) => crowd.beDenied(pairsPerBatch + i));

  const preview = new Stretches();
  for (const looking = ledger.previewPolicy(document); looking.next().done !== true; ) await preview.pause();
  const previewStopMs = preview.end();
  return {
    grants,
    rules: isWithRules ? document.rules.length : 0,
    fillPerSecond: (grants / fillMs) * 1_000,
    longestCommandMs,
    commandsPerSecond: 2 * pairsPerSecond,
    denialsPerSecond,
    heapBytesPerGrant,
    policyHeapBytes: emptyBytes - bareBytes,
    snapshotBytesPerGrant: (bytesOf(snapshot.chunks) - headBytes) / grants,
    snapshotStopMs: snapshot.longestMs,
    restoreStopMs,
    previewStopMs,
    policyStopMs: lengthOf(() => crowd.loadPolicy(text, document)),
  };
}

/** Of the batches the one in the middle: a pause of the machine is not the ledger's. */
function rateOf(run: (i: number) => void): number {
  const perSecond = Array.from({ length: batches }, (_, batch) => {
    const ms = lengthOf(() => {
      for (let i = 0; i < pairsPerBatch; i++) run(batch * pairsPerBatch + i);
    });
    return (pairsPerBatch / ms) * 1_000;
  });
  return quantile(perSecond, 0.5);
}

async function takeSnapshot(ledger: Ledger): Promise<{ readonly chunks: Uint8Array[]; readonly longestMs: number }> {
  const stretches = new Stretches();
  const chunks: Uint8Array[] = [];
  for await (const chunk of ledger.snapshot()) {
    chunks.push(chunk);
    await stretches.pause();
  }
  return { chunks, longestMs: stretches.end() };
}

function bytesOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

async function restore(chunks: readonly Uint8Array[]): Promise<number> {
  const target = createLedger({ verifyLicense: () => undefined });
  const stretches = new Stretches();
  await target.restore(
    (async function* () {
      for (const chunk of chunks) {
        yield chunk;
        await stretches.pause();
      }
    })(),
  );
  return stretches.end();
}

/** After a collection: garbage is not the ledger's to keep. */
function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('Run this with --expose-gc: without it the heap is mostly garbage.');
  // What the first makes garbage of, such as tables of weak references, only the second takes away.
  for (let i = 0; i < 2; i++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}
