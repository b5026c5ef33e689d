import type { Asker, PolicyDocument, PolicyRule, SelectorKind } from '../../policy/document.ts';
import type { CheckoutItem } from '../commands.ts';
import type { Borrowed, Client, Held, Share, Waiting } from './model-records.ts';
import { sum } from './model-terms.ts';

/** What is asked for: by a checkout, or by a queue place. */
export type Ask = CheckoutItem & { readonly session: string; readonly address?: string | undefined };

type Counted = Pick<Held, 'count' | 'share'>;

/** The administrator's rules, each of them looked for from end to end, and seats counted by looking at everybody. */
export class ModelPolicy {
  policy: PolicyDocument | null = null;
  held: Held[] = [];
  /** By arrival. */
  waiting: Waiting[] = [];
  borrowed: Borrowed[] = [];
  readonly clients = new Map<string, Client>();

  /** Lines of rules of a kind that are for the asker: the feature's own, then those of every feature. */
  protected rulesFor(kind: PolicyRule['kind'], feature: string, asker: Asker): readonly PolicyRule[] {
    return [...this.#of(kind, feature, asker), ...this.#of(kind, '*', asker)];
  }

  #of(kind: PolicyRule['kind'], feature: string, asker: Asker): readonly PolicyRule[] {
    const rules = this.policy?.rules.filter((rule) => rule.kind === kind && rule.feature === feature) ?? [];
    const named = rules.filter((rule) => rule.name !== '*' && this.#isNamed(rule, asker));
    const each = rules.filter(
      ({ name, by }) => name === '*' && asker[by as keyof Asker] !== '' && !named.some((other) => other.by === by),
    );
    return [...named, ...each];
  }

  #isNamed({ by, name }: PolicyRule, asker: Asker): boolean {
    switch (by as SelectorKind) {
      case 'group':
        return this.policy!.groups[name!]!.includes(asker.user);
      case 'hostGroup':
        return this.policy!.hostGroups[name!]!.includes(asker.host);
      case 'address':
        return isInRange(asker.address, name!);
      default:
        return asker[by as keyof Asker] === name;
    }
  }

  protected askerOf({ session, display = '', address = '' }: Pick<Ask, 'session' | 'display' | 'address'>): Asker {
    const { user, host, project = '', product = '' } = this.clients.get(session)!;
    return { user, host, project, product, display, address };
  }

  protected setting(kind: PolicyRule['kind'], feature: string): PolicyRule | undefined {
    const rules = this.policy?.rules.filter((rule) => rule.kind === kind) ?? [];
    return rules.find((rule) => rule.feature === feature) ?? rules.find((rule) => rule.feature === '*');
  }

  /** The rule that keeps the asker out, with the code of the denial. */
  protected barredBy(ask: Ask): { readonly code: 'EXCLUDED' | 'NOT_INCLUDED'; readonly line: number } | null {
    const asker = this.askerOf(ask);
    const excluded = this.rulesFor('exclude', ask.feature, asker);
    if (excluded.length > 0) return { code: 'EXCLUDED', line: Math.min(...excluded.map(({ line }) => line)) };
    const lists = [ask.feature, '*'].map((feature) =>
      this.policy?.rules.filter((rule) => rule.kind === 'include' && rule.feature === feature),
    );
    const list = lists.find((rules) => rules !== undefined && rules.length > 0);
    if (list === undefined) return null;
    const isIn = this.#of('include', list[0]!.feature, asker).length > 0;
    return isIn ? null : { code: 'NOT_INCLUDED', line: list[0]!.line };
  }

  /** What each `max` rule lets the asker have besides what counts for it already. */
  protected lets(ask: Ask): readonly { readonly line: number; readonly left: number }[] {
    const asker = this.askerOf(ask);
    return this.rulesFor('max', ask.feature, asker)
      .map((rule) => ({ line: rule.line, left: rule.count! - this.#has(rule, ask.feature, subject(rule, asker)) }))
      .sort((a, b) => a.line - b.line);
  }

  /** Seats of the share that count for the asker by this rule already. */
  protected partInShare(line: number, ask: Ask, share: Share | null): number {
    const rule = this.policy!.rules.find((one) => one.line === line)!;
    const whose = subject(rule, this.askerOf(ask));
    const parts = this.#counted(rule, ask.feature, whose).filter((grant) => grant.share === share);
    return share === null ? 0 : Math.max(0, ...parts.map(({ count }) => count));
  }

  /** Reserved seats of the feature that are not taken; `ask`: those that are for it. */
  protected reserved(feature: string, ask?: Ask): number {
    return sum(this.unusedReservations(feature, ask).map(({ unused }) => unused));
  }

  protected unusedReservations(feature: string, ask?: Ask): readonly { line: number; unused: number }[] {
    const all = [feature, '*'].flatMap((name) => this.policy?.rules.filter(isReserving(name)) ?? []);
    const rules = ask === undefined ? all : this.rulesFor('reserve', feature, this.askerOf(ask));
    return rules.map((rule) => {
      const used = sumOfSeats(this.#counted(rule, feature, ''));
      return { line: rule.line, unused: Math.max(0, rule.count! - used) };
    });
  }

  protected priorityOf(ask: Ask): number {
    const asker = this.askerOf(ask);
    const own = this.#of('priority', ask.feature, asker);
    const rules = own.length > 0 ? own : this.#of('priority', '*', asker);
    return Math.max(0, ...rules.map(({ count }) => count!));
  }

  /** All who wait: priority, then arrival. */
  queue(): readonly Waiting[] {
    return [...this.waiting].sort((a, b) => this.priorityOf(b) - this.priorityOf(a));
  }

  #has(rule: PolicyRule, feature: string, whose: string): number {
    const waits = this.waiting.filter(
      (entry) => this.#countsFor(rule, feature, entry, whose) && entry.feature === feature,
    );
    return sumOfSeats(this.#counted(rule, feature, whose)) + sum(waits.map(({ count }) => count));
  }

  #counted(rule: PolicyRule, feature: string, whose: string): readonly Counted[] {
    const borrowed = this.borrowed.map((one) => ({ ...one, share: null }));
    return [...this.held, ...borrowed].filter(
      (taken) => taken.pool.split(' ')[0] === feature && this.#countsFor(rule, feature, taken, whose),
    );
  }

  #countsFor(rule: PolicyRule, feature: string, what: Held | Waiting | Borrowed, whose: string): boolean {
    const asker = 'asker' in what ? what.asker : this.askerOf(what);
    return this.rulesFor(rule.kind, feature, asker).includes(rule) && subject(rule, asker) === whose;
  }
}

function isReserving(name: string): (rule: PolicyRule) => boolean {
  return ({ kind, feature }) => kind === 'reserve' && feature === name;
}

/** With `*` each one by itself. */
function subject({ by, name }: PolicyRule, asker: Asker): string {
  return name === '*' ? asker[by as keyof Asker] : '';
}

/** A share counts once, as its largest. */
function sumOfSeats(grants: readonly Counted[]): number {
  const shares = new Set(grants.flatMap(({ share }) => share ?? []));
  const largest = [...shares].map((share) =>
    Math.max(...grants.filter((grant) => grant.share === share).map(({ count }) => count)),
  );
  return sum([...grants.filter(({ share }) => share === null).map(({ count }) => count), ...largest]);
}

/** Bit by bit; the model knows IPv4 only. */
function isInRange(address: string, range: string): boolean {
  const [base = '', length = '32'] = range.split('/');
  if (address === '') return false;
  return bits(address).slice(0, Number(length)) === bits(base).slice(0, Number(length));
}

function bits(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}
