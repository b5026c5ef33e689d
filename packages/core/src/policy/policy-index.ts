import type { Asker, PolicyDocument, PolicyRule, SettingKind } from './document.ts';
import { type CountedRule, newCounted, Reservations } from './reservations.ts';
import { type AskerRule, type Memberships, RuleSet } from './rule-set.ts';

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
  readonly reservations: Reservations;
}

/** What the rules come to for somebody. Its counts go on with the policy's. */
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

/** A policy, ready for use: what is for somebody is found by hash, in time that does not depend on the number of rules. */
export class PolicyIndex {
  readonly document: PolicyDocument;
  readonly #sets = new Map<string, RuleSet>();
  readonly #features = new Map<string, FeaturePolicy>();
  readonly #memberships: Memberships;
  readonly #star: RuleSet;
  #last: { readonly feature: string; readonly asker: Asker; readonly verdict: Verdict } | undefined;

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
      const reserves = [...own.reserves, ...this.#star.reserves].map(newCounted);
      const counted = new Map(reserves.map((one) => [one.rule, one]));
      found = { own, star: this.#star, counted, reservations: new Reservations(reserves) };
      this.#features.set(feature, found);
    }
    return found;
  }

  /** What the feature's rules come to for the asker. One command asks several times for the same: the last answer is kept. */
  judge(feature: string, asker: Asker): Verdict {
    const last = this.#last;
    if (last !== undefined && last.feature === feature && isSame(last.asker, asker)) return last.verdict;
    const verdict = this.#judge(this.of(feature), asker);
    this.#last = { feature, asker, verdict };
    return verdict;
  }

  /** Whether seats of the feature count for any rule at all. */
  counts(feature: string): boolean {
    const { own, star } = this.of(feature);
    return own.isCounting || star.isCounting;
  }

  /** What is said of the feature, else of every feature. */
  setting(feature: string, kind: SettingKind): PolicyRule | undefined {
    return this.#sets.get(feature)?.settings.get(kind) ?? this.#star.settings.get(kind);
  }

  #judge(policy: FeaturePolicy, asker: Asker): Verdict {
    const finding = new Finding(policy, asker);
    // The feature's own first: of lists and priorities they take the place of what is said of every feature.
    finding.look(policy.own, this.#memberships);
    finding.look(policy.star, this.#memberships);
    return finding;
  }
}

/** A verdict as it comes about. */
class Finding implements Verdict {
  readonly #policy: FeaturePolicy;
  readonly #asker: Asker;
  excludedBy: AskerRule | undefined;
  shutOutBy: PolicyRule | undefined;
  readonly max: Counted[] = [];
  readonly reserve: Counted[] = [];
  priorityBy: AskerRule | undefined;
  #hasList = false;
  #isListed = false;
  #priorityBy: AskerRule | undefined;

  constructor(policy: FeaturePolicy, asker: Asker) {
    this.#policy = policy;
    this.#asker = asker;
  }

  get priority(): number {
    return this.priorityBy?.count ?? 0;
  }

  look(set: RuleSet, memberships: Memberships): void {
    this.#isListed = false;
    this.#priorityBy = undefined;
    set.find(this.#asker, memberships, (rule) => this.#see(rule));
    this.priorityBy ??= this.#priorityBy;
    if (this.#hasList || set.firstInclude === undefined) return;
    this.#hasList = true;
    if (!this.#isListed) this.shutOutBy = set.firstInclude;
  }

  #see(rule: AskerRule): void {
    switch (rule.kind) {
      case 'exclude':
        if (this.excludedBy === undefined || rule.line < this.excludedBy.line) this.excludedBy = rule;
        return;
      case 'include':
        this.#isListed = true;
        return;
      case 'max':
        this.#count(this.max, rule);
        return;
      case 'reserve':
        this.#count(this.reserve, rule);
        return;
      case 'priority': {
        const best = this.#priorityBy;
        if (best === undefined || rule.count! > best.count! || (rule.count === best.count && rule.line < best.line))
          this.#priorityBy = rule;
      }
    }
  }

  /** In the order of their lines: a few, and mostly found so. */
  #count(list: Counted[], rule: AskerRule): void {
    let at = list.length;
    while (at > 0 && list[at - 1]!.counted.rule.line > rule.line) at--;
    const counted = { counted: countedOf(this.#policy, rule), subject: subjectOf(rule, this.#asker) };
    if (at === list.length) list.push(counted);
    else list.splice(at, 0, counted);
  }
}

function isSame(a: Asker, b: Asker): boolean {
  return (
    a.user === b.user &&
    a.host === b.host &&
    a.address === b.address &&
    a.display === b.display &&
    a.project === b.project &&
    a.product === b.product
  );
}

/** Whom the seats count for: with `*` each one by itself, else all whom the rule is for together. */
function subjectOf({ by, name }: AskerRule, asker: Asker): string {
  return name === '*' && by !== 'group' && by !== 'hostGroup' ? asker[by] : '';
}

function countedOf({ counted }: FeaturePolicy, rule: AskerRule): CountedRule {
  let found = counted.get(rule);
  if (found === undefined) {
    found = newCounted(rule, -1);
    counted.set(rule, found);
  }
  return found;
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
