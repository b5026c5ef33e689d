import { type AddressRange, prefixOf, readAddress, readRange } from './addresses.ts';
import {
  type Asker,
  type AskerRuleKind,
  askerRuleKinds,
  type PolicyDocument,
  type PolicyRule,
  type SelectorKind,
  type SettingKind,
} from './document.ts';
import { NumberSet } from './number-set.ts';
import { Tally } from './tally.ts';

type AskerRule = PolicyRule & { readonly kind: AskerRuleKind; readonly by: SelectorKind; readonly name: string };

/** A `max` or `reserve` rule, with the seats that those whom it is for have. */
export interface CountedRule {
  readonly rule: AskerRule;
  readonly count: number;
  readonly tally: Tally;
  /** Of a `reserve` rule: which one of the feature's it is, those of the feature itself first. */
  readonly at: number;
}

/** A counted rule that is for the asker, with the subject that its seats count for. */
export interface Counted {
  readonly counted: CountedRule;
  readonly subject: string;
}

/** The rules of one feature, with the seats that they count. */
export interface FeaturePolicy {
  readonly own: RuleSet;
  /** What is said of every feature. */
  readonly star: RuleSet;
  readonly counted: Map<AskerRule, CountedRule>;
  readonly reservations: readonly CountedRule[];
  /** Which reservations those whom they are for have not taken all of. */
  readonly unused: NumberSet;
  /** Reserved seats that are not taken by those whom they are for. */
  kept: number;
}

/** What the rules come to for somebody. */
export interface Verdict {
  /** Keeps the asker out. */
  readonly excludedBy: PolicyRule | undefined;
  /** Where there are include lists and none names the asker: the first line of one. */
  readonly shutOutBy: PolicyRule | undefined;
  readonly max: readonly Counted[];
  readonly reserve: readonly Counted[];
  readonly priority: number;
  readonly priorityBy: PolicyRule | undefined;
}

/** Rules by whom they are for: found, never scanned. */
class RuleSet {
  readonly #byWhom = new Map<string, AskerRule[]>();
  readonly #bys = new Set<SelectorKind>();
  readonly #prefixLengths: number[] = [];
  readonly settings = new Map<SettingKind, PolicyRule>();
  readonly reserves: AskerRule[] = [];
  firstInclude: PolicyRule | undefined;

  add(rule: PolicyRule): void {
    if (!isForAsker(rule)) {
      this.settings.set(rule.kind as SettingKind, rule);
      return;
    }
    if (rule.kind === 'include') this.firstInclude ??= rule;
    if (rule.kind === 'reserve') this.reserves.push(rule);
    const range = rule.by === 'address' && rule.name !== '*' ? readRange(rule.name) : undefined;
    if (range !== undefined && !this.#prefixLengths.includes(range.length)) this.#prefixLengths.push(range.length);
    this.#bys.add(rule.by);
    const key = range === undefined ? keyOf(rule.by, rule.name) : keyOfRange(range);
    const rules = this.#byWhom.get(key);
    if (rules === undefined) this.#byWhom.set(key, [rule]);
    else rules.push(rule);
  }

  /** All rules that are for the asker. `*` is each one that no other rule of the kind names by the same. */
  find(asker: Asker, groupsOf: Memberships): AskerRule[] {
    const found: AskerRule[] = [];
    if (this.#byWhom.size === 0) return found;
    this.#named(found, 'user', asker.user);
    this.#each(found, 'group', groupsOf.users.get(asker.user));
    this.#named(found, 'host', asker.host);
    this.#each(found, 'hostGroup', groupsOf.hosts.get(asker.host));
    this.#named(found, 'display', asker.display);
    this.#named(found, 'project', asker.project);
    this.#named(found, 'product', asker.product);
    if (this.#bys.has('address')) this.#addresses(found, asker.address);
    return found;
  }

  #named(found: AskerRule[], by: SelectorKind, name: string): void {
    if (!this.#bys.has(by) || name === '') return;
    const named = this.#byWhom.get(keyOf(by, name)) ?? [];
    found.push(...named);
    for (const rule of this.#byWhom.get(keyOf(by, '*')) ?? [])
      if (!named.some(({ kind }) => kind === rule.kind)) found.push(rule);
  }

  #each(found: AskerRule[], by: SelectorKind, names: readonly string[] = []): void {
    if (!this.#bys.has(by)) return;
    for (const name of names) found.push(...(this.#byWhom.get(keyOf(by, name)) ?? []));
  }

  #addresses(found: AskerRule[], text: string): void {
    const address = readAddress(text);
    if (address === undefined) return;
    const before = found.length;
    for (const length of this.#prefixLengths)
      found.push(...(this.#byWhom.get(keyOfRange({ length, prefix: prefixOf(address, length) })) ?? []));
    const named = found.slice(before);
    for (const rule of this.#byWhom.get(keyOf('address', '*')) ?? [])
      if (!named.some(({ kind }) => kind === rule.kind)) found.push(rule);
  }
}

interface Memberships {
  readonly users: ReadonlyMap<string, readonly string[]>;
  readonly hosts: ReadonlyMap<string, readonly string[]>;
}

/** A policy, ready for use: what is for somebody is found by hash, in time that does not depend on the number of rules. */
export class PolicyIndex {
  readonly document: PolicyDocument;
  readonly #sets = new Map<string, RuleSet>();
  readonly #features = new Map<string, FeaturePolicy>();
  readonly #memberships: Memberships;
  readonly #star: RuleSet;

  constructor(document: PolicyDocument) {
    this.document = document;
    this.#memberships = { users: membershipsOf(document.groups), hosts: membershipsOf(document.hostGroups) };
    for (const rule of document.rules) {
      const set = this.#sets.get(rule.feature) ?? new RuleSet();
      this.#sets.set(rule.feature, set);
      set.add(rule);
    }
    this.#star = this.#sets.get('*') ?? new RuleSet();
  }

  /** The feature's rules with their counts. */
  of(feature: string): FeaturePolicy {
    let found = this.#features.get(feature);
    if (found === undefined) {
      const own = this.#sets.get(feature) ?? new RuleSet();
      const reservations = [...own.reserves, ...this.#star.reserves].map(newCounted);
      const counted = new Map(reservations.map((one) => [one.rule, one]));
      found = { own, star: this.#star, counted, reservations, unused: new NumberSet(reservations.length), kept: 0 };
      for (const one of reservations) noteUnused(found, one);
      this.#features.set(feature, found);
    }
    return found;
  }

  /** What the feature's rules come to for the asker. */
  judge(feature: string, asker: Asker): Verdict {
    const policy = this.of(feature);
    const own = policy.own.find(asker, this.#memberships);
    const star = policy.star.find(asker, this.#memberships);
    const both = [...own, ...star];
    const firstInclude = policy.own.firstInclude ?? policy.star.firstInclude;
    const includes = policy.own.firstInclude === undefined ? star : own;
    const prioritized = byKind(own, 'priority').length > 0 ? own : star;
    const first = byKind(prioritized, 'priority').reduce<AskerRule | undefined>(
      (best, rule) => (best === undefined || rule.count! > best.count! ? rule : best),
      undefined,
    );
    const counted = (kind: AskerRuleKind) =>
      byKind(both, kind).map((rule) => ({ counted: countedOf(policy, rule), subject: subjectOf(rule, asker) }));
    return {
      excludedBy: byKind(both, 'exclude')[0],
      shutOutBy: firstInclude !== undefined && byKind(includes, 'include').length === 0 ? firstInclude : undefined,
      max: counted('max'),
      reserve: counted('reserve'),
      priority: first?.count ?? 0,
      priorityBy: first,
    };
  }

  /** What is said of the feature, else of every feature. */
  setting(feature: string, kind: SettingKind): PolicyRule | undefined {
    return this.#sets.get(feature)?.settings.get(kind) ?? this.#star.settings.get(kind);
  }
}

/** Seats of a reservation that those whom it is for have not taken. */
export function unusedOf({ count, tally }: CountedRule): number {
  return Math.max(0, count - tally.of(''));
}

/** Changes who has taken seats of a reservation. */
export function changeReserved(policy: FeaturePolicy, counted: CountedRule, change: (tally: Tally) => void): void {
  policy.kept -= unusedOf(counted);
  change(counted.tally);
  noteUnused(policy, counted);
}

function noteUnused(policy: FeaturePolicy, counted: CountedRule): void {
  const unused = unusedOf(counted);
  policy.kept += unused;
  if (unused > 0) policy.unused.add(counted.at);
  else policy.unused.delete(counted.at);
}

/** The first reservation that keeps seats from somebody whom these are for. */
export function firstUnusedBut(policy: FeaturePolicy, own: readonly Counted[]): CountedRule | undefined {
  let at = policy.unused.next(0);
  while (at !== undefined && own.some(({ counted }) => counted.at === at)) at = policy.unused.next(at + 1);
  return at === undefined ? undefined : policy.reservations[at];
}

/** Whom the seats count for: with `*` each one by itself, else all whom the rule is for together. */
function subjectOf({ by, name }: AskerRule, asker: Asker): string {
  return name === '*' && by !== 'group' && by !== 'hostGroup' ? asker[by] : '';
}

function countedOf(policy: FeaturePolicy, rule: AskerRule): CountedRule {
  let counted = policy.counted.get(rule);
  if (counted === undefined) {
    counted = newCounted(rule, -1);
    policy.counted.set(rule, counted);
  }
  return counted;
}

function newCounted(rule: AskerRule, at: number): CountedRule {
  return { rule, count: rule.count!, tally: new Tally(), at };
}

function byKind(rules: readonly AskerRule[], kind: AskerRuleKind): readonly AskerRule[] {
  return rules.filter((rule) => rule.kind === kind).sort((a, b) => a.line - b.line);
}

function isForAsker(rule: PolicyRule): rule is AskerRule {
  return (askerRuleKinds as readonly string[]).includes(rule.kind);
}

function keyOf(by: SelectorKind, name: string): string {
  return `${by} ${name}`;
}

function keyOfRange({ length, prefix }: AddressRange): string {
  return `address ${length} ${prefix.toString(36)}`;
}

function membershipsOf(groups: Readonly<Record<string, readonly string[]>>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [group, members] of Object.entries(groups))
    for (const member of new Set(members)) {
      const those = found.get(member);
      if (those === undefined) found.set(member, [group]);
      else those.push(group);
    }
  return found;
}
