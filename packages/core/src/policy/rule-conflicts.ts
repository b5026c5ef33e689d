import type { PolicyDocument, SelectorKind } from './document.ts';
import { dimensionOf, isGroup, Membership, type RuleForSomebody, RulesByWhom, type Whom } from './reach.ts';

/** Everybody has a user and a host, so a rule for each of them is for all. */
const everybody: readonly Whom[] = [
  { by: 'user', name: '*' },
  { by: 'host', name: '*' },
];

/** What rules that are for somebody do to each other, found by hash: a policy may have 20 000 of them. */
export class RuleConflicts {
  readonly #membership: Membership;
  readonly #lists = new Map<string, RuleForSomebody[]>();
  readonly #includes: RulesByWhom;
  /** By what the list of a feature goes, if it is one thing. */
  readonly #goBy = new Map<string, SelectorKind | undefined>();
  readonly #names: readonly string[];
  readonly #excludes: RulesByWhom;
  readonly #max: RulesByWhom;
  readonly #maxRules: readonly RuleForSomebody[];

  /**
   * @param rules By line.
   * @param names The licensed features.
   */
  constructor(document: PolicyDocument, rules: readonly RuleForSomebody[], names: readonly string[]) {
    const of = (kind: RuleForSomebody['kind']) => rules.filter((rule) => rule.kind === kind);
    this.#membership = new Membership(document);
    this.#names = names;
    this.#excludes = new RulesByWhom(this.#membership, of('exclude'));
    this.#maxRules = of('max');
    this.#max = new RulesByWhom(this.#membership, this.#maxRules);
    this.#includes = new RulesByWhom(this.#membership, of('include'));
    for (const rule of of('include')) {
      const list = this.#lists.get(rule.feature);
      if (list === undefined) this.#lists.set(rule.feature, [rule]);
      else list.push(rule);
    }
  }

  /** Why a rule can never match, or contradicts another; undefined where neither is so. */
  problemOf(rule: RuleForSomebody): string | undefined {
    return this.#excluded(rule) ?? this.#shutOut(rule) ?? this.#limited(rule);
  }

  /** Deny beats allow. */
  #excluded(rule: RuleForSomebody): string | undefined {
    if (rule.kind === 'exclude') return undefined;
    for (const feature of new Set([rule.feature, '*'])) {
      const by = this.#excluder(feature, rule);
      if (by === undefined) continue;
      const whom = by.by === rule.by && by.name === rule.name ? 'the same' : 'all of them';
      return `line ${by.line} excludes ${whom}, so this can never match: deny beats allow.`;
    }
    return undefined;
  }

  /** The rule, one of them at least, that keeps all of these out. */
  #excluder(feature: string, whom: Whom): RuleForSomebody | undefined {
    for (const all of everybody) {
      const rule = this.#excludes.get(feature, all);
      if (rule !== undefined) return rule;
    }
    const [rule] = this.#excludes.covering(feature, whom);
    if (rule !== undefined || !isGroup(whom.by)) return rule;
    let first: RuleForSomebody | undefined;
    for (const member of this.#membership.each(whom)) {
      const [excludes] = this.#excludes.covering(feature, member);
      if (excludes === undefined) return undefined;
      first ??= excludes;
    }
    return first;
  }

  /** An include list shuts out everyone else: told where it goes by the same as the rule does, so that nobody is in by something else. */
  #shutOut(rule: RuleForSomebody): string | undefined {
    if (rule.kind === 'include') return this.#replaced(rule);
    if (rule.kind === 'exclude') return undefined;
    const isOfAll = rule.feature === '*' && this.#names.some((name) => this.#lists.has(name));
    const feature = this.#lists.has(rule.feature) ? rule.feature : '*';
    const list = this.#lists.get(feature);
    if (isOfAll || list === undefined || rule.name === '*') return undefined;
    if (!this.#goesBy(feature, list, dimensionOf[rule.by])) return undefined;
    return this.#isNamed(feature, rule)
      ? undefined
      : `the list of who is let in, from line ${list[0]!.line} on, has none of them, so this can never match.`;
  }

  /** Whether the list names all whom it lets in by the same, each by name. */
  #goesBy(feature: string, list: readonly RuleForSomebody[], dimension: SelectorKind): boolean {
    let goesBy = this.#goBy.get(feature);
    if (goesBy === undefined) {
      const dimensions = new Set(list.map(({ by, name }) => (name === '*' ? undefined : dimensionOf[by])));
      goesBy = dimensions.size === 1 ? [...dimensions][0] : undefined;
      this.#goBy.set(feature, goesBy);
    }
    return goesBy === dimension;
  }

  /** A list of the feature itself takes the place of that of every feature. */
  #replaced({ feature }: RuleForSomebody): string | undefined {
    return feature === '*' && this.#names.length > 0 && this.#names.every((name) => this.#lists.has(name))
      ? 'each feature has a list of its own, which takes the place of this one, so it can never match.'
      : undefined;
  }

  /** Whether a list, which goes by the same, names one of these. */
  #isNamed(feature: string, whom: Whom): boolean {
    if (this.#includes.covering(feature, whom).length > 0 || this.#includes.isWithin(feature, whom)) return true;
    for (const member of this.#membership.each(whom))
      if (this.#includes.covering(feature, member).length > 0) return true;
    return false;
  }

  #limited(rule: RuleForSomebody): string | undefined {
    if (rule.kind === 'max') return this.#overtaken(rule);
    return rule.kind === 'reserve' ? this.#overLimit(rule) : undefined;
  }

  /** Another limit that is for all of these is reached first, or at once. */
  #overtaken(rule: RuleForSomebody): string | undefined {
    const isIn = (feature: string) =>
      this.#max
        .covering(feature, rule)
        .find((other) => other !== rule && other.count! <= rule.count! && this.#isForEach(other, rule));
    const features = rule.feature === '*' ? [] : ['*'];
    const other = [rule.feature, ...features].map(isIn).find((one) => one !== undefined);
    if (other !== undefined)
      return `line ${other.line} lets them have ${other.count} already, so this is never reached.`;
    const [first] = rule.feature === '*' ? this.#names : [];
    return first !== undefined && this.#names.every((name) => isIn(name) !== undefined)
      ? `line ${isIn(first)!.line} and its like let them have no more of any feature, so this is never reached.`
      : undefined;
  }

  /** A limit for each one by itself is not for those who have a larger one under their names. */
  #isForEach(other: RuleForSomebody, rule: RuleForSomebody): boolean {
    if (rule.name !== '*') return true;
    return !this.#maxRules.some(
      ({ feature, by, name, count }) =>
        feature === other.feature && by === other.by && name !== '*' && count! > rule.count!,
    );
  }

  /** Reserved seats that those whom they are for may not take would lie idle for good. */
  #overLimit(rule: RuleForSomebody): string | undefined {
    const features = new Set([rule.feature, '*']);
    const [least] = [...features]
      .flatMap((feature) => this.#max.covering(feature, rule))
      .sort((a, b) => a.count! - b.count!);
    if (least !== undefined && least.count! < rule.count!)
      return `line ${least.line} lets them have ${least.count}, so the others are never taken.`;
    if (!isGroup(rule.by)) return undefined;
    let together = 0;
    for (const member of this.#membership.each(rule)) {
      const limits = [...features].map((feature) => this.#max.own(feature, member)?.count ?? Number.POSITIVE_INFINITY);
      together += Math.min(...limits);
      if (together >= rule.count!) return undefined;
    }
    return `its members may have ${together} together by their own limits, so the others are never taken.`;
  }
}
