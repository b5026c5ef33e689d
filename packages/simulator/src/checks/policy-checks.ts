import type {
  CheckoutCommand,
  Ledger,
  LedgerCommand,
  LedgerEvent,
  LedgerResult,
  PolicyDocument,
  PolicyRule,
} from '@lic/core';
import type { RarePath } from '../rare-paths/rare-paths.ts';
import { addressOf } from '../simulation/identities.ts';
import { type LicensedSeats, licensedSeats } from './licensed-seats.ts';
import type { FirstApplied } from './log-checks.ts';
import { barredBy, priorityOf, rulesFor, rulesOf, settingOf, subjectOf } from './policy-rules.ts';
import { type Holder, keyOf, SeatHolders } from './seat-holders.ts';
import type { Fail } from './violation.ts';

/** What {@link PolicyChecks} are made with. */
export interface PolicyChecksParts {
  readonly fail: Fail;
  readonly reached: (path: RarePath) => void;
}

/** A rule as it counts for somebody, and what it had counted before. */
interface Limit {
  readonly rule: PolicyRule;
  readonly feature: string;
  readonly subject: string;
  readonly before: number;
}

type Granted = Extract<LedgerEvent, { kind: 'granted' }>;

/** Ends behind which seats linger. */
const lingeringAfter = new Set(['checkedIn', 'sessionEnded', 'disconnected']);

/**
 * Whether the ledger does what the policy says (docs/policy.md): who is kept out is never granted, a limit is never gone beyond, reserved
 * seats are left for those whom they are for, a higher priority stands first, seats linger no shorter, and no policy widens the license. And that
 * a denial names a rule only where that rule is so. Everything is counted from the log's commands and events, and each
 * rule is looked at each time.
 */
export class PolicyChecks {
  readonly #parts: PolicyChecksParts;
  readonly #holders = new SeatHolders();
  /** Checkouts that were decided: a repeat is told the same again, whatever holds by then. */
  readonly #decided = new Set<string>();
  #policy: PolicyDocument = { groups: {}, hostGroups: {}, rules: [] };
  #licensed: ReadonlyMap<string, LicensedSeats> = new Map();
  #index = 0;

  constructor(parts: PolicyChecksParts) {
    this.#parts = parts;
  }

  /** Called once for each entry of the log, in order. */
  applied({ index, command, result, ledger }: FirstApplied): void {
    this.#index = index;
    if (result.reply.kind === 'ok') this.#licensed = licensedSeats(command) ?? this.#licensed;
    this.#holders.heard(command);
    this.#checkAddress(command);
    const isChanged = command.kind === 'policy' && result.reply.kind === 'ok';
    if (isChanged) this.#policy = command.document;
    this.#checkWidth(ledger);
    if (this.#policy.rules.length > 0) {
      const limits = this.#limitsOf(result);
      const older = new Map(this.#holders.waiting);
      this.#holders.applied(result, ledger);
      for (const limit of limits) this.#checkLimit(limit);
      this.#checkEvents(result, ledger, older);
      if (command.kind === 'checkout') this.#checkDenial(command, result);
      if (isChanged) this.#coverChange();
    } else this.#holders.applied(result, ledger);
    this.#checkQueues(ledger);
    if (command.kind === 'checkout') this.#decided.add(`${command.session}/${command.seq}`);
  }

  #fail(message: string): void {
    this.#parts.fail('policy', `${message}, entry ${this.#index}`);
  }

  /** The address is seen by the server, through a relay the client's. */
  #checkAddress(command: LedgerCommand): void {
    if (command.kind !== 'checkout') return;
    const { host } = this.#holders.askerOf({ session: command.session, checkoutSeq: command.seq });
    const expected = addressOf(host);
    if (expected !== undefined && command.address !== expected)
      this.#fail(`the address of ${host} is ${expected}, and the log has ${command.address}`);
  }

  /** No policy widens the license, and its overdraft is the most that may be overdrawn. */
  #checkWidth(ledger: Ledger): void {
    for (const { feature, version, count, overdraft = 0 } of ledger.pools()) {
      const { count: countMax, overdraft: overdraftMax } = this.#licensed.get(`${feature} ${version}`) ?? none;
      const seats = count === 'uncounted' ? Infinity : count;
      if (seats > countMax || overdraft > overdraftMax)
        this.#fail(`${seats} seats of ${feature} ${version} with ${overdraft} overdrawn are more than are licensed`);
      if (overdraft > (settingOf(this.#policy, 'overdraft', feature)?.count ?? Infinity))
        this.#fail(`${overdraft} seats of ${feature} may be overdrawn, more than the policy lets`);
    }
  }

  /** The `max` rules that are for those who get or begin to wait for seats now. */
  #limitsOf({ events, reply }: LedgerResult): readonly Limit[] {
    const takers = [
      ...events.flatMap((event) => (event.kind === 'granted' ? [event.grant] : [])),
      ...(reply.kind === 'queued' ? [reply.entry] : []),
    ];
    const limits = new Map<string, Limit>();
    for (const taker of takers) {
      const { feature } = taker;
      const asker = this.#holders.askerOf(taker);
      for (const rule of rulesFor(this.#policy, 'max', { feature, asker })) {
        const subject = subjectOf(rule, asker);
        const before = this.#holders.seatsOf(this.#policy, rule, { feature, subject });
        limits.set(JSON.stringify([rule, feature, subject]), { rule, feature, subject, before });
      }
    }
    return [...limits.values()];
  }

  /** Who has more than the rule lets keeps it, and gets no more. */
  #checkLimit({ rule, feature, subject, before }: Limit): void {
    const now = this.#holders.seatsOf(this.#policy, rule, { feature, subject });
    if (now > before && now > (rule.count ?? 0))
      this.#fail(`${now} seats of ${feature} are held and waited for under ${textOf(rule)} ${subject}`);
  }

  #checkEvents(result: LedgerResult, ledger: Ledger, older: ReadonlyMap<string, Holder>): void {
    const { events } = result;
    for (const event of events) {
      if (event.kind === 'granted') this.#checkGrant(event, result, ledger, older);
      if (event.kind === 'lingering') this.#checkLingering(event.grant, events, ledger);
      if (event.kind === 'unqueued' && (event.denial?.code === 'EXCLUDED' || event.denial?.code === 'NOT_INCLUDED')) {
        this.#parts.reached('excludedFromQueue');
        const asker = this.#holders.askerOf(event.entry);
        if (barredBy(this.#policy, { feature: event.entry.feature, asker }) !== event.denial.code)
          this.#fail(`${asker.user} may not wait for ${event.entry.feature} any more: ${event.denial.code}`);
      }
    }
  }

  #checkGrant(
    { grant, fromQueue }: Granted,
    { events }: LedgerResult,
    ledger: Ledger,
    older: ReadonlyMap<string, Holder>,
  ) {
    const { feature, id } = grant;
    const holder = this.#holders.held.get(id);
    if (holder === undefined) return;
    const barred = barredBy(this.#policy, holder);
    if (barred !== undefined) this.#fail(`grant ${id} of ${feature} went to ${holder.asker.user}: ${barred}`);
    if (fromQueue) this.#coverPriority(keyOf(grant), older);
    // Lingering seats that their holder takes again, and those that are shared, were no free ones.
    const isReused = events.some(
      (event) => (event.kind === 'lingering' || event.kind === 'lingered') && event.grant.feature === feature,
    );
    const isShared = [...this.#holders.held].some(
      ([other, { share }]) => other !== id && share !== undefined && share === grant.share,
    );
    if (!isReused && !isShared) this.#checkReservations(holder, ledger);
  }

  /** Somebody has taken free seats: so many must be left as others have reserved. */
  #checkReservations({ feature, asker }: Holder, ledger: Ledger): void {
    const own = rulesFor(this.#policy, 'reserve', { feature, asker });
    if (own.length > 0) this.#parts.reached('reservationUsed');
    const kept = this.#reservations(feature)
      .filter(({ rule }) => !own.includes(rule))
      .reduce((sum, { unused }) => sum + unused, 0);
    if (kept === 0) return;
    let free = 0;
    for (const pool of ledger.pools())
      if (pool.feature === feature)
        free += pool.count === 'uncounted' ? Infinity : Math.max(0, pool.count + (pool.overdraft ?? 0) - pool.inUse);
    if (free < kept)
      this.#fail(`${asker.user} has taken a seat of ${feature}; ${free} are free, and ${kept} are reserved for others`);
  }

  #reservations(feature: string): readonly { readonly rule: PolicyRule; readonly unused: number }[] {
    const rules = [feature, '*'].flatMap((name) => rulesOf(this.#policy, 'reserve', name));
    return rules.map((rule) => {
      const used = this.#holders.seatsOf(this.#policy, rule, { feature, subject: '' });
      return { rule, unused: Math.max(0, (rule.count ?? 0) - used) };
    });
  }

  #checkLingering(grant: Granted['grant'], events: readonly LedgerEvent[], ledger: Ledger): void {
    const { id, feature, version, untilMs = 0 } = grant;
    const isNew = events.some(
      (event) => event.kind === 'ended' && event.grant.id === id && lingeringAfter.has(event.reason),
    );
    const { lingerMs } = this.#licensed.get(`${feature} ${version}`) ?? none;
    const leastMs = Math.max(lingerMs, settingOf(this.#policy, 'linger', feature)?.ms ?? 0);
    if (isNew && untilMs < ledger.summary().licenseTimeMs + leastMs)
      this.#fail(`the seats of grant ${id} of ${feature} linger for less than ${leastMs} ms`);
  }

  /** A denial that names a rule: it must be so. */
  #checkDenial(command: CheckoutCommand, { reply }: LedgerResult): void {
    if (reply.kind !== 'denied' || this.#decided.has(`${command.session}/${command.seq}`)) return;
    const { denial } = reply;
    const { feature, code } = denial;
    const items = [command, ...(command.more ?? [])];
    const at = items.findIndex((item) => item.feature === feature);
    const { count, countMin = count } = items[at] ?? command;
    const asker = this.#holders.askerOf({ session: command.session, checkoutSeq: command.seq + at });
    const rules = this.#policy.rules.filter(
      ({ line }) => denial.rule?.source === 'policy' && denial.rule.where === `line ${line}`,
    );
    const wrong = (): void => this.#fail(`${asker.user} was denied ${count} of ${feature}: ${code}, which is not so`);
    switch (code) {
      case 'EXCLUDED':
      case 'NOT_INCLUDED':
        if (barredBy(this.#policy, { feature, asker }) !== code) wrong();
        this.#parts.reached(code === 'EXCLUDED' ? 'excluded' : 'notIncluded');
        break;
      case 'MAX_REACHED': {
        const limits = rulesFor(this.#policy, 'max', { feature, asker }).filter((rule) => rules.includes(rule));
        const has = (rule: PolicyRule): number =>
          this.#holders.seatsOf(this.#policy, rule, { feature, subject: subjectOf(rule, asker) });
        if (limits.every((rule) => has(rule) + countMin <= (rule.count ?? 0))) wrong();
        this.#parts.reached('maxReached');
        break;
      }
      case 'RESERVED': {
        const own = rulesFor(this.#policy, 'reserve', { feature, asker });
        if (this.#reservations(feature).every(({ rule, unused }) => unused === 0 || own.includes(rule))) wrong();
        this.#parts.reached('reserved');
        break;
      }
      default:
        return;
    }
    for (const { by } of rules) this.#coverSelector(by);
  }

  /** Priority, then arrival. */
  #checkQueues(ledger: Ledger): void {
    const features = new Set([...this.#holders.waiting.values()].map(({ feature }) => feature));
    for (const feature of features) {
      const mine = [...this.#holders.waiting].filter(([, holder]) => holder.feature === feature);
      if (mine.length < 2) continue;
      const expected = mine
        .toSorted(([, a], [, b]) => priorityOf(this.#policy, b) - priorityOf(this.#policy, a))
        .map(([key]) => key);
      const queue = [...ledger.queue(feature)].map(keyOf);
      if (queue.join() !== expected.join())
        this.#fail(`the queue of ${feature} stands ${queue.join()}, by priority and arrival it is ${expected.join()}`);
    }
  }

  #coverPriority(served: string, older: ReadonlyMap<string, Holder>): void {
    const feature = older.get(served)?.feature;
    for (const [key, holder] of older) {
      if (key === served) return;
      if (holder.feature === feature && this.#holders.waiting.has(key)) {
        this.#parts.reached('priorityServed');
        return;
      }
    }
  }

  #coverChange(): void {
    if (this.#holders.held.size > 0) this.#parts.reached('policyBesideGrants');
    for (const { feature, asker } of this.#holders.held.values())
      for (const rule of rulesFor(this.#policy, 'max', { feature, asker })) {
        const has = this.#holders.seatsOf(this.#policy, rule, { feature, subject: subjectOf(rule, asker) });
        if (has > (rule.count ?? 0)) {
          this.#parts.reached('policyBelowUse');
          return;
        }
      }
  }

  #coverSelector(by: PolicyRule['by']): void {
    const path = by === undefined ? undefined : selectorPaths[by];
    if (path !== undefined) this.#parts.reached(path);
  }
}

const none: LicensedSeats = { count: 0, overdraft: 0, lingerMs: 0 };

const selectorPaths: Partial<Record<NonNullable<PolicyRule['by']>, RarePath>> = {
  address: 'ruledByAddress',
  display: 'ruledByDisplay',
  project: 'ruledByProject',
  product: 'ruledByProduct',
  group: 'ruledByGroup',
  hostGroup: 'ruledByHostGroup',
};

function textOf({ line, kind, by, name, count }: PolicyRule): string {
  return `line ${line} (${kind} ${by} ${name} ${count})`;
}
