import {
  type Asker,
  type BorrowRule,
  type PolicyDocument,
  type RuleView,
  ruleText,
  viewRule,
} from '../policy/document.ts';
import { PolicyIndex } from '../policy/policy-index.ts';
import { unusedOf } from '../policy/reservations.ts';
import { seatsOf } from './borrows.ts';
import { FrozenView } from './frozen-view.ts';
import type { LedgerState } from './ledger-state.ts';
import { ledgerLimits } from './limits.ts';
import { askerOf } from './policy-seats.ts';
import { kinds, type LedgerRecord } from './records.ts';

/** Somebody whose next checkout of what is held or waited for would be denied. */
export interface PolicyDenial {
  readonly user: string;
  readonly host: string;
  readonly feature: string;
  readonly code: 'EXCLUDED' | 'NOT_INCLUDED' | 'MAX_REACHED';
  readonly rule: RuleView;
  /** `MAX_REACHED`: seats that are held and waited for, of as many as the rule lets. */
  readonly has?: number;
}

/** What a policy would change if it were put into force now. */
export interface PolicyPreview {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly areGroupsChanged: boolean;
  /** At most `policyDenialsMax`; `deniedCount`: all of them. */
  readonly denied: readonly PolicyDenial[];
  readonly deniedCount: number;
}

/** What the policy in force comes to for somebody. */
export interface PolicyExplanation {
  readonly allowed: boolean;
  readonly code?: PolicyDenial['code'];
  /** The rule that decides; absent where none does. */
  readonly rule?: RuleView;
  readonly limits: readonly (RuleView & { readonly has: number; readonly max: number })[];
  readonly reserved: readonly (RuleView & { readonly unused: number })[];
  /** Free seats that are kept for others. */
  readonly keptForOthers: number;
  readonly priority: number;
  readonly priorityRule?: RuleView;
  readonly idleMs?: number;
  readonly lingerMs?: number;
  readonly overdraft?: number;
  readonly borrow?: BorrowRule;
}

/** Grants that are looked at between two points at which the work can be left: less than a millisecond's. */
const looksPerStep = 128;

/**
 * Looks at everybody who holds, borrows or waits, as of its first step, without changing anything. O(grants + queue places), in steps: the
 * caller lets others run between them, and the ledger goes on.
 */
export function* previewPolicy(state: LedgerState, document: PolicyDocument): Generator<void, PolicyPreview> {
  const view = new FrozenView(state);
  try {
    const looking = new Looking(new PolicyIndex(document));
    yield;
    for (const kind of [kinds.grant, kinds.entry, kinds.borrow]) {
      let looks = 0;
      for (let record = view.next(kind); record !== undefined; record = view.next(kind)) {
        looking.look(record);
        if (++looks % looksPerStep === 0) yield;
      }
    }
    yield;
    return { ...(yield* changesOf(state, document)), ...looking.found() };
  } finally {
    view.close();
  }
}

/** What a policy would say to each who holds or waits, one after the other. */
class Looking {
  readonly #index: PolicyIndex;
  readonly #denied = new Map<string, PolicyDenial>();

  constructor(index: PolicyIndex) {
    this.#index = index;
  }

  look(record: LedgerRecord): void {
    if (record.kind === kinds.grant)
      this.#look(record.pool.featureName, askerOf(record), record.count, record.share?.serial);
    else if (record.kind === kinds.entry) this.#look(record.feature.name, askerOf(record), record.count, undefined);
    else if (record.kind === kinds.borrow)
      this.#look(record.pool.featureName, askerOf(seatsOf(record)), record.count, undefined);
  }

  found(): Pick<PolicyPreview, 'denied' | 'deniedCount'> {
    return {
      denied: [...this.#denied.values()].slice(0, ledgerLimits.policyDenialsMax),
      deniedCount: this.#denied.size,
    };
  }

  #look(feature: string, asker: Asker, count: number, share: number | undefined): void {
    const verdict = this.#index.judge(feature, asker);
    const barring = verdict.excludedBy ?? verdict.shutOutBy;
    const { user, host } = asker;
    if (barring !== undefined) {
      const code = verdict.excludedBy === undefined ? 'NOT_INCLUDED' : 'EXCLUDED';
      this.#denied.set(JSON.stringify([user, host, feature]), { user, host, feature, code, rule: viewRule(barring) });
    }
    for (const { counted, subject } of verdict.max) {
      counted.tally.add(subject, count, share);
      const has = counted.tally.of(subject);
      if (has <= counted.count) continue;
      const key = JSON.stringify([counted.rule.line, feature, subject]);
      this.#denied.set(key, { user, host, feature, code: 'MAX_REACHED', rule: viewRule(counted.rule), has });
    }
  }
}

/** With many rules each of these steps is some milliseconds' work. */
function* changesOf(
  state: LedgerState,
  document: PolicyDocument,
): Generator<void, Pick<PolicyPreview, 'added' | 'removed' | 'areGroupsChanged'>> {
  const before = state.policyJson === '' ? undefined : (JSON.parse(state.policyJson) as PolicyDocument);
  yield;
  const old = before?.rules.map(ruleText) ?? [];
  yield;
  const next = document.rules.map(ruleText);
  yield;
  const [oldSet, nextSet] = [new Set(old), new Set(next)];
  yield;
  const groupsOf = (one?: PolicyDocument) => JSON.stringify([one?.groups ?? {}, one?.hostGroups ?? {}]);
  return {
    added: next.filter((text) => !oldSet.has(text)),
    removed: old.filter((text) => !nextSet.has(text)),
    areGroupsChanged: groupsOf(before) !== groupsOf(document),
  };
}

/** Which rules are for somebody, and which of them decides. */
export function explainPolicy(state: LedgerState, feature: string, asker: Asker): PolicyExplanation {
  const nothing = { allowed: true, limits: [], reserved: [], keptForOthers: 0, priority: 0 };
  if (state.policy === undefined) return nothing;
  const { policy } = state;
  const verdict = policy.judge(feature, asker);
  const limits = verdict.max.map(({ counted: { rule, count, tally }, subject }) => ({
    ...viewRule(rule),
    has: tally.of(subject),
    max: count,
  }));
  const reserved = verdict.reserve.map(({ counted }) => ({ ...viewRule(counted.rule), unused: unusedOf(counted) }));
  const full = limits.find(({ has, max }) => has >= max);
  const barring = verdict.excludedBy ?? verdict.shutOutBy;
  const rule = barring === undefined ? full && { line: full.line, text: full.text } : viewRule(barring);
  const code =
    verdict.excludedBy !== undefined ? 'EXCLUDED' : verdict.shutOutBy !== undefined ? 'NOT_INCLUDED' : 'MAX_REACHED';
  const setting = (kind: 'idle' | 'linger' | 'overdraft' | 'borrow') => policy.setting(feature, kind);
  return {
    allowed: rule === undefined,
    ...(rule === undefined ? {} : { code, rule }),
    limits,
    reserved,
    keptForOthers: policy.of(feature).reservations.kept - reserved.reduce((sum, { unused }) => sum + unused, 0),
    priority: verdict.priority,
    ...optional('priorityRule', verdict.priorityBy && viewRule(verdict.priorityBy)),
    ...optional('idleMs', setting('idle')?.ms),
    ...optional('lingerMs', setting('linger')?.ms),
    ...optional('overdraft', setting('overdraft')?.count),
    ...optional('borrow', setting('borrow')?.borrow),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
