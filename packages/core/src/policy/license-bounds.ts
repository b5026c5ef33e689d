import type { LicenseFeature } from '../license/license.ts';
import { parseVersion } from '../license/versions.ts';
import { type PolicyRule, ruleText, settingKinds } from './document.ts';
import type { PolicyIssue } from './issues.ts';

/** What the license says of one feature and version, all files together. */
interface Licensed {
  readonly name: string;
  readonly count: number;
  readonly overdraft: number;
  readonly lingerSeconds: number;
  readonly borrow: LicenseFeature['borrow'];
}

/** What rules come to beside the license: a policy never widens it, and what it does not narrow it does not decide. */
export class LicenseBounds {
  readonly #pools: ReadonlyMap<string, readonly Licensed[]>;
  readonly #settings = new Map<string, PolicyRule>();

  constructor(features: readonly LicenseFeature[], rules: readonly PolicyRule[]) {
    this.#pools = poolsOf(features);
    for (const rule of rules) if (isSetting(rule)) this.#settings.set(`${rule.kind} ${rule.feature}`, rule);
  }

  /** The licensed features. */
  get names(): readonly string[] {
    return [...this.#pools.keys()];
  }

  /** What is wrong with a rule beside the license; names that this does not have are somebody else's to tell. */
  problemsOf(rule: PolicyRule): readonly string[] {
    const features = this.#featuresOf(rule);
    if (features.length === 0)
      return rule.feature === '*' && this.#pools.size > 0
        ? ['each feature has a rule of its own of this kind, which takes the place of this one.']
        : [];
    const problem = this.#problemOf(rule, features);
    return rule.kind === 'borrow' ? this.#borrow(rule, features) : problem === undefined ? [] : [problem];
  }

  #problemOf(rule: PolicyRule, features: readonly (readonly Licensed[])[]): string | undefined {
    const pools = features.flat();
    switch (rule.kind) {
      case 'overdraft': {
        const most = Math.max(...pools.map(({ overdraft }) => overdraft));
        return rule.count! < most || (rule.count === most && this.#replaces(rule))
          ? undefined
          : `the license lets ${most} seats be overdrawn. A policy lets fewer be, never more.`;
      }
      case 'linger': {
        const licensed = pools.map(({ lingerSeconds }) => lingerSeconds * 1000);
        // Of one feature it is the administrator's error to ask for less; of every feature it is for those where it is more.
        const most = Math.max(...licensed);
        const isOfSome =
          rule.feature === '*'
            ? rule.ms! > Math.min(...licensed)
            : rule.ms! >= most && licensed.some((ms) => ms < rule.ms!);
        return isOfSome || (rule.ms === most && this.#replaces(rule))
          ? undefined
          : `the license makes seats linger ${most / 1000} s. A policy makes them linger longer, never shorter.`;
      }
      case 'max': {
        const seats = Math.max(
          ...features.map((feature) => sum(feature.map((pool) => pool.count + this.#overdraftOf(pool)))),
        );
        return rule.count! < seats ? undefined : `there are ${seats} seats, so this limit can never be reached.`;
      }
      case 'reserve':
      case 'priority':
        return pools.every(({ count }) => count === Number.POSITIVE_INFINITY)
          ? 'the seats are uncounted: nobody goes without, and nobody waits.'
          : undefined;
      default:
        return undefined;
    }
  }

  #borrow(rule: PolicyRule, features: readonly (readonly Licensed[])[]): readonly string[] {
    const lent = features
      .map((pools) => pools.filter(({ borrow }) => borrow !== undefined))
      .filter((pools) => pools.length > 0);
    if (lent.length === 0) return ['the license does not let it be borrowed.'];
    const { longestMs, countMax, keep = 0 } = rule.borrow!;
    const longest = Math.max(...lent.flat().map(({ borrow }) => borrow!.longestSeconds * 1000));
    const most = Math.max(...lent.map((pools) => sum(pools.map(({ borrow }) => borrow!.countMax))));
    // That one can borrow at all is the license's doing: what is left for borrowing is told for the feature that has the most.
    const seats = Math.max(...lent.map((pools) => sum(pools.map(({ count }) => count))));
    const isWithin = (asked: number | undefined, licensed: number) =>
      asked === undefined || asked < licensed || (asked === licensed && this.#replaces(rule));
    if (longestMs === undefined && countMax === undefined && keep === 0 && !this.#replaces(rule))
      return ['it limits nothing.'];
    return [
      isWithin(longestMs, longest)
        ? undefined
        : `the license lets it be borrowed for ${longest / 1000} s. A policy lets it be for a shorter time, never longer.`,
      isWithin(countMax, most)
        ? undefined
        : `the license lets ${most} seats be borrowed. A policy lets fewer be, never more.`,
      keep > 0 && seats === Number.POSITIVE_INFINITY
        ? 'the seats are uncounted, so as many as these are always left.'
        : undefined,
      keep > 0 && keep >= seats
        ? `there are ${seats} seats, so none could be borrowed: write "countMax: 0" if that is meant.`
        : undefined,
      keep < seats && (countMax ?? 0) > seats - keep
        ? `with ${keep} of ${seats} seats left, ${countMax} are never borrowed.`
        : undefined,
    ].filter((problem) => problem !== undefined);
  }

  /** More is reserved than there is: the last reservations can never be met. */
  overReserved(rules: readonly PolicyRule[]): readonly PolicyIssue[] {
    const left = new Map<string, number>();
    return rules.flatMap((rule) => {
      if (rule.kind !== 'reserve') return [];
      const names = rule.feature === '*' ? this.names : [rule.feature];
      return names.flatMap((name) => {
        const pools = this.#pools.get(name);
        if (pools === undefined) return [];
        const before = left.get(name) ?? sum(pools.map(({ count }) => count));
        left.set(name, before - rule.count!);
        if (before >= rule.count!) return [];
        const message = `${ruleText(rule)}: only ${Math.max(0, before)} seats of "${name}" are not reserved yet.`;
        return [{ line: rule.line, message }];
      });
    });
  }

  /** The pools of each feature that the rule decides about. */
  #featuresOf(rule: PolicyRule): readonly (readonly Licensed[])[] {
    if (rule.feature !== '*') return [this.#pools.get(rule.feature) ?? []].filter((pools) => pools.length > 0);
    const names = isSetting(rule)
      ? this.names.filter((name) => !this.#settings.has(`${rule.kind} ${name}`))
      : this.names;
    return names.map((name) => this.#pools.get(name)!);
  }

  /** Whether a rule of a feature is there because that of every feature is not to be for it: then it may say what the license says. */
  #replaces({ kind, feature }: PolicyRule): boolean {
    return feature !== '*' && this.#settings.has(`${kind} *`);
  }

  #overdraftOf({ name, overdraft }: Licensed): number {
    const rule = this.#settings.get(`overdraft ${name}`) ?? this.#settings.get('overdraft *');
    return Math.min(overdraft, rule?.count ?? overdraft);
  }
}

function poolsOf(features: readonly LicenseFeature[]): ReadonlyMap<string, readonly Licensed[]> {
  const pools = new Map<string, Map<string, Licensed>>();
  for (const { name, version, count, overdraft = 0, lingerSeconds = 0, borrow } of features) {
    const versions = pools.get(name) ?? new Map<string, Licensed>();
    pools.set(name, versions);
    const key = parseVersion(version).join('.');
    const before = versions.get(key);
    versions.set(key, {
      name,
      count: (before?.count ?? 0) + (count === 'uncounted' ? Number.POSITIVE_INFINITY : count),
      overdraft: (before?.overdraft ?? 0) + overdraft,
      lingerSeconds,
      borrow,
    });
  }
  return new Map([...pools].map(([name, versions]) => [name, [...versions.values()]]));
}

function isSetting({ kind }: PolicyRule): boolean {
  return (settingKinds as readonly string[]).includes(kind);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
