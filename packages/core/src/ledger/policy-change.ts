import { seatsOf } from './borrows.ts';
import type { PolicyCommand } from './commands.ts';
import type { LedgerState } from './ledger-state.ts';
import { sweep } from './license-time.ts';
import { ledgerLimits, termsVersion } from './limits.ts';
import { countEntry, countGrant } from './policy-seats.ts';
import { fitPools } from './pool-terms.ts';
import { compareEntries } from './records.ts';
import { ok, rejected } from './replies.ts';
import type { LedgerReply } from './results.ts';

/**
 * Another policy. Nobody is evicted: who has more than it lets keeps it, and gets no more until it fits. Those who wait and are shut out
 * now are denied. O(grants + queue places) of the features whose seats some rule counts, as no other command is: a policy changes
 * rarely, and counting what it does not ask for would cost every grant.
 */
export function applyPolicy(state: LedgerState, { text, document }: PolicyCommand): LedgerReply {
  if (state.version < termsVersion)
    return rejected(
      'LEDGER_VERSION',
      `A policy needs ledger version ${termsVersion}: ${state.version} is in force. Bring all servers up to date first.`,
    );
  state.setPolicy(text, JSON.stringify(document));
  const { policy } = state;
  if (policy !== undefined)
    for (const pool of state.pools.walk())
      if (policy.counts(pool.featureName))
        for (let grant = pool.firstGrant; grant !== undefined; grant = grant.next) countGrant(state, grant);
  if (policy !== undefined) for (const borrow of state.borrows.walk()) countGrant(state, seatsOf(borrow));
  for (const { queue } of state.queued) {
    for (const entry of queue) countEntry(state, entry);
    queue.sort(compareEntries);
  }
  fitPools(state, state.license!, state.settings!);
  sweep(state, ledgerLimits.endsPerCommandMax);
  state.events.push({ kind: 'policyChanged' });
  return ok;
}
