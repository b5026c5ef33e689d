import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { LedgerCost } from './cost.ts';

const grantCounts = [1_000, 100_000, 1_000_000];
const rulesOfPolicy = 10_000;
const script = fileURLToPath(new URL('./ledger.js', import.meta.url));

/** Prints what the ledger costs as it grows, without a policy and with a large one, each line as soon as it is known. */
export async function printLedgerCosts(print: (line: string) => void): Promise<void> {
  for (const grants of grantCounts) {
    const bare = await measure(grants, 0);
    print(`ledger       ${shown(grants).padStart(9)} grants   no policy      ${described(bare)}`);
    const ruled = await measure(grants, rulesOfPolicy);
    const ratio = `   ${(ruled.commandsPerSecond / bare.commandsPerSecond).toFixed(2)} of the commands without`;
    print(
      `ledger       ${shown(grants).padStart(9)} grants   ${shown(ruled.rules)} rules   ${described(ruled)}${ratio}`,
    );
    print(`ledger       ${shown(grants).padStart(9)} grants   longest stops  ${stops(ruled)}`);
  }
}

/** In a process of its own, so that neither the heap nor the compiled code is what another line left. */
async function measure(grants: number, rules: number): Promise<LedgerCost> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, `${grants}`, `${rules}`]);
  return JSON.parse(stdout) as LedgerCost;
}

function described(cost: LedgerCost): string {
  const { commandsPerSecond, denialsPerSecond, heapBytesPerGrant, snapshotBytesPerGrant } = cost;
  return [
    `${shown(commandsPerSecond).padStart(7)} commands/s`,
    `${shown(denialsPerSecond).padStart(6)} denials/s`,
    `${shown(heapBytesPerGrant).padStart(5)} bytes of heap and ${shown(snapshotBytesPerGrant)} of snapshot per grant`,
  ].join('   ');
}

function stops(cost: LedgerCost): string {
  const { longestCommandMs, snapshotStopMs, restoreStopMs, previewStopMs, policyStopMs } = cost;
  return Object.entries({
    checkout: longestCommandMs,
    snapshot: snapshotStopMs,
    restore: restoreStopMs,
    'policy check': previewStopMs,
    'policy apply': policyStopMs,
  })
    .map(([what, ms]) => `${what} ${shown(ms)} ms`)
    .join('   ');
}

function shown(value: number): string {
  return Math.round(value).toLocaleString('en');
}
