import { type Asker, type BorrowRule, type RuleView, viewRule } from '../policy/document.ts';
import type { Counted, Verdict } from '../policy/policy-index.ts';
import { unusedOf } from '../policy/reservations.ts';
import { deny, policyRule, type Wish } from './denials.ts';
import { holderKey } from './holders.ts';
import type { LedgerState } from './ledger-state.ts';
import type { Claim, Claimant, Entry, Grant, Pool } from './records.ts';
import type { Denial } from './results.ts';

/** What rules can tell of who asks. */
type Asking = Pick<Claimant, 'session' | 'display' | 'address'>;

/** Seats as rules count them: those of a grant, or borrowed ones. */
type Taken = Asking & Pick<Grant, 'pool' | 'count' | 'share'>;

export function askerOf({ session: { user, host, project, product }, display, address }: Asking): Asker {
  return { user, host, project, product, display, address };
}

/** What the policy says of somebody; undefined where there is none. */
export function judge(state: LedgerState, feature: string, asking: Asking): Verdict | undefined {
  return state.policy?.judge(feature, askerOf(asking));
}

/** Counts a grant for all rules that are for its holder. The same is taken out again by `uncountGrant`. */
export function countGrant(state: LedgerState, grant: Taken): void {
  const verdict = judge(state, grant.pool.featureName, grant);
  if (verdict === undefined) return;
  const { count, share } = grant;
  for (const { counted, subject } of verdict.max) counted.tally.add(subject, count, share?.serial);
  const { reservations } = state.policy!.of(grant.pool.featureName);
  for (const { counted, subject } of verdict.reserve)
    reservations.change(counted, (tally) => tally.add(subject, count, share?.serial));
}

export function uncountGrant(state: LedgerState, grant: Taken): void {
  const verdict = judge(state, grant.pool.featureName, grant);
  if (verdict === undefined) return;
  const { count, share } = grant;
  for (const { counted, subject } of verdict.max) counted.tally.remove(subject, count, share?.serial);
  const { reservations } = state.policy!.of(grant.pool.featureName);
  for (const { counted, subject } of verdict.reserve)
    reservations.change(counted, (tally) => tally.remove(subject, count, share?.serial));
}

/** A queue place counts as what it waits for, so that one that is served is never more than its rules let. */
export function countEntry(state: LedgerState, entry: Entry): void {
  const verdict = judge(state, entry.feature.name, entry);
  entry.priority = verdict?.priority ?? 0;
  for (const { counted, subject } of verdict?.max ?? []) counted.tally.add(subject, entry.count, undefined);
}

export function uncountEntry(state: LedgerState, entry: Entry): void {
  const verdict = judge(state, entry.feature.name, entry);
  for (const { counted, subject } of verdict?.max ?? []) counted.tally.remove(subject, entry.count, undefined);
}

/** Seats that the reservations of the feature keep from this claim. */
export function keptFrom(state: LedgerState, feature: string, claim: Asking): number {
  const kept = state.policy?.of(feature).reservations.kept ?? 0;
  return kept === 0 ? 0 : kept - ownReserved(state, feature, claim);
}

/** Seats that are reserved for the claim and not taken. */
export function ownReserved(state: LedgerState, feature: string, claim: Asking): number {
  if ((state.policy?.of(feature).reservations.kept ?? 0) === 0) return 0;
  return judge(state, feature, claim)!.reserve.reduce((sum, { counted }) => sum + unusedOf(counted), 0);
}

/** Seats that the `max` rules let somebody have besides what is held and waited for. */
export function seatsLet(verdict: Verdict | undefined): number {
  if (verdict === undefined) return Number.POSITIVE_INFINITY;
  return verdict.max.reduce(
    (least, { counted: { tally, count }, subject }) => Math.min(least, count - tally.of(subject)),
    Number.POSITIVE_INFINITY,
  );
}

/** The first `max` rule that the claim would go beyond with seats of this pool. */
export function firstExceeded(verdict: Verdict | undefined, pool: Pool, claim: Claim): Counted | undefined {
  if (verdict === undefined || verdict.max.length === 0) return undefined;
  const key = holderKey(pool, claim);
  const share = key === undefined ? undefined : pool.holders.get(key)?.open.first()?.serial;
  return verdict.max.find(({ counted: { tally, count }, subject }) => {
    const more = tally.more(subject, claim.count, share);
    return more > 0 && tally.of(subject) + more > count;
  });
}

/** What keeps somebody out of the feature whatever is free. */
export function denyAccess(verdict: Verdict | undefined, wish: Wish): Denial | undefined {
  if (verdict?.excludedBy !== undefined) {
    const rule = viewRule(verdict.excludedBy);
    return deny('EXCLUDED', wish, `Line ${rule.line} of the policy (${rule.text}) excludes this checkout.`, {
      rule: policyRule(rule),
    });
  }
  if (verdict?.shutOutBy === undefined) return undefined;
  const rule = viewRule(verdict.shutOutBy);
  const what = `"${wish.feature}" has a list of who is let in, from line ${rule.line} of the policy on, and this checkout is not on it.`;
  return deny('NOT_INCLUDED', wish, what, { rule: policyRule(rule) });
}

/** Whether the policy keeps a queue place out by now. */
export function isShutOut(state: LedgerState, entry: Entry): boolean {
  const verdict = judge(state, entry.feature.name, entry);
  return verdict !== undefined && (verdict.excludedBy ?? verdict.shutOutBy) !== undefined;
}

/** Denies what goes beyond a `max` rule. */
export function denyMax({ counted: { rule, count, tally }, subject }: Counted, wish: Wish): Denial {
  const view = viewRule(rule);
  const whom = `${rule.by} ${subject === '' ? rule.name : subject}`;
  const has = tally.of(subject);
  const what = `Line ${view.line} of the policy lets ${whom} have ${count} seats of "${wish.feature}", and ${has} are held or waited for.`;
  return deny('MAX_REACHED', wish, what, { rule: policyRule(view) });
}

/** The first reservation that keeps seats from the claim. */
export function keeperFrom(state: LedgerState, feature: string, claim: Asking): RuleView | undefined {
  if (state.policy === undefined) return undefined;
  const keeper = state.policy.of(feature).reservations.firstBut(judge(state, feature, claim)!.reserve);
  return keeper && viewRule(keeper.rule);
}

/** How long a grant of the feature may be idle; undefined: any time. */
export function idleMsOf(state: LedgerState, feature: string): number | undefined {
  return state.policy?.setting(feature, 'idle')?.ms;
}

/** What the policy says of borrowing the feature, with the rule that says it. */
export function borrowLimitsOf(
  state: LedgerState,
  feature: string,
): (BorrowRule & { readonly rule: RuleView }) | undefined {
  const rule = state.policy?.setting(feature, 'borrow');
  return rule === undefined ? undefined : { ...rule.borrow, rule: viewRule(rule) };
}
