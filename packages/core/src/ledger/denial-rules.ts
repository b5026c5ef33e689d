import { type DenialCodeEntry, denialCodes } from './denials.ts';
import { fittingPools, type Need } from './fitting-pools.ts';
import type { LedgerState } from './ledger-state.ts';
import { ledgerLimits, termsVersion } from './limits.ts';
import type { Feature, Pool } from './records.ts';
import type { Denial, DenialCode, DenialRule } from './results.ts';

/** Names that a rule lists at most. */
const namesMax = 10;

/** Denials after which more seats help: their earliest known moment is worth waiting for. */
const helpedBySeats: ReadonlySet<DenialCode> = new Set([
  'NO_SEATS',
  'RESERVED',
  'WAIT_OVER',
  'QUEUE_FULL',
  'NOT_STARTED',
] satisfies DenialCode[]);

/**
 * The denial with the rule that decided, and the earliest moment known at which more seats come. O(pools of the feature). Under
 * earlier ledger versions it is as those servers have it, which do not know of either: denials are part of the state.
 */
export function withRule(state: LedgerState, denial: Denial, need: Need = anything): Denial {
  if (state.version < termsVersion) return denial;
  const feature = state.features.get(denial.feature);
  const earliestMs = earliestOf(state, denial, feature === undefined ? [] : fittingPools(feature, need));
  return {
    ...denial,
    rule: denial.rule ?? ruleOf(state, denial, feature),
    ...(earliestMs === undefined ? {} : { earliestMs }),
  };
}

const anything: Need = { version: undefined, releasedAtMs: undefined };

function ruleOf(state: LedgerState, denial: Denial, feature: Feature | undefined): DenialRule {
  const { code } = denial;
  const { source, field = '' }: DenialCodeEntry = denialCodes[code];
  if (source !== 'license') return { source, where: field, text: serverText(code) };
  const where = code === 'UNKNOWN_FEATURE' ? `features[].${field}` : `features[${denial.feature}].${field}`;
  return { source, where, text: licenseText(state, denial, feature?.pools ?? []) };
}

/** What the license says there; of each version where there are several. */
function licenseText(state: LedgerState, { code }: Denial, pools: readonly Pool[]): string {
  if (pools.length === 0) return listed(featureNames(state));
  const ofEach = (of: (pool: Pool) => string) =>
    listed(pools.slice(0, namesMax + 1).map((pool) => `${pool.version.text}: ${of(pool)}`));
  switch (code) {
    case 'VERSION_NOT_LICENSED':
      return listed(pools.map(({ version }) => version.text));
    case 'RELEASE_NOT_COVERED':
      return ofEach(({ supportEndMs }) => `releases before ${instant(supportEndMs)}`);
    case 'NOT_STARTED':
      return ofEach(({ parts }) => `from ${instant(Math.min(...parts.map(({ startsAtMs }) => startsAtMs)))}`);
    case 'EXPIRED':
      return ofEach(({ parts }) => `to ${instant(Math.max(...parts.map(({ endsAtMs }) => endsAtMs)))}`);
    case 'BORROW_NOT_LICENSED':
    case 'BORROW_TOO_LONG':
    case 'BORROW_LIMIT':
      return ofEach(({ borrow }) =>
        borrow === undefined ? 'none' : `${borrow.countMax} for ${borrow.longestMs / 1000} s`,
      );
    default:
      return ofEach(({ count, overdraft }) =>
        Number.isFinite(count) ? `${count}${overdraft > 0 ? ` and ${overdraft} of overdraft` : ''}` : 'uncounted',
      );
  }
}

function serverText(code: DenialCode): string {
  switch (code) {
    case 'QUEUE_FULL':
      return String(ledgerLimits.queuePerFeatureMax);
    case 'TOO_MANY_GRANTS':
      return String(ledgerLimits.grantsPerSessionMax);
    case 'TOO_MANY_BORROWS':
      return String(ledgerLimits.borrowsMax);
    case 'TOO_MANY_SESSIONS':
      return String(ledgerLimits.sessionsMax);
    case 'NOT_OPEN_YET':
      return 'one longest hold after the servers were formed or recovered';
    case 'STATE_DIFFERS':
      return 'the same on all servers';
    default:
      return 'what a checkout may ask for';
  }
}

/** In the license's order, so alike on all servers. */
function featureNames(state: LedgerState): readonly string[] {
  const names = new Set<string>();
  for (const { featureName } of state.licensed) {
    names.add(featureName);
    if (names.size > namesMax) break;
  }
  return [...names];
}

function listed(names: readonly string[]): string {
  return names.length > namesMax ? `${names.slice(0, namesMax).join(', ')} ...` : names.join(', ');
}

/** When lingering or borrowed seats are free or a licensed period begins, whichever is first: other ends are their holders' to choose. */
function earliestOf(state: LedgerState, { code, leftMs }: Denial, fitting: readonly Pool[]): number | undefined {
  if (leftMs !== undefined) return state.timeMs + leftMs;
  if (!helpedBySeats.has(code)) return undefined;
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const { parts, knownEnds } of fitting) {
    earliestMs = Math.min(earliestMs, knownEnds.first()?.untilMs ?? earliestMs);
    for (const { startsAtMs } of parts) if (startsAtMs > state.timeMs) earliestMs = Math.min(earliestMs, startsAtMs);
  }
  return Number.isFinite(earliestMs) ? earliestMs : undefined;
}

function instant(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : 'ever';
}
