import { readRange } from './addresses.ts';
import type { PolicyDocument, PolicyRule, SelectorKind } from './document.ts';

/** Whom a rule is for. */
export interface Whom {
  readonly by: SelectorKind;
  readonly name: string;
}

/** A rule that is for somebody. */
export type RuleForSomebody = PolicyRule & Whom;

/** What of an asker a selector looks at. */
export const dimensionOf: Readonly<Record<SelectorKind, SelectorKind>> = {
  user: 'user',
  group: 'user',
  host: 'host',
  hostGroup: 'host',
  display: 'display',
  address: 'address',
  project: 'project',
  product: 'product',
};

/** Who is in which group, both ways. */
export class Membership {
  readonly #members: Readonly<Record<'group' | 'hostGroup', Readonly<Record<string, readonly string[]>>>>;
  readonly #groups = { user: new Map<string, string[]>(), host: new Map<string, string[]>() };

  constructor({ groups, hostGroups }: PolicyDocument) {
    this.#members = { group: groups, hostGroup: hostGroups };
    for (const [of, all] of [
      ['user', groups],
      ['host', hostGroups],
    ] as const)
      for (const [group, members] of Object.entries(all))
        for (const member of members) {
          const those = this.#groups[of].get(member);
          if (those === undefined) this.#groups[of].set(member, [group]);
          else those.push(group);
        }
  }

  /** The members of a group one by one; somebody else is the only one. */
  *each(whom: Whom): Iterable<Whom> {
    const { by, name } = whom;
    if (by !== 'group' && by !== 'hostGroup') yield whom;
    else if (Object.hasOwn(this.#members[by], name))
      for (const member of this.#members[by][name]!) yield { by: dimensionOf[by], name: member };
  }

  /** The groups that somebody is in. */
  groupsOf({ by, name }: Whom): readonly Whom[] {
    if (by !== 'user' && by !== 'host') return [];
    const group = by === 'user' ? 'group' : 'hostGroup';
    return (this.#groups[by].get(name) ?? []).map((one) => ({ by: group, name: one }));
  }
}

/** Whether a selector names several that are known one by one. */
export function isGroup(by: SelectorKind): boolean {
  return by === 'group' || by === 'hostGroup';
}

/** Rules of one kind, found by feature and whom they are for. */
export class RulesByWhom {
  readonly #membership: Membership;
  readonly #rules = new Map<string, RuleForSomebody>();
  readonly #lengths = new Set<number>();
  /** Ranges as they are with fewer bits. */
  readonly #cut = new Map<number, ReadonlySet<string>>();

  constructor(membership: Membership, rules: readonly RuleForSomebody[]) {
    this.#membership = membership;
    for (const rule of rules) {
      const key = whomKey(rule.feature, rule);
      if (!this.#rules.has(key)) this.#rules.set(key, rule);
      const range = rule.by === 'address' ? readRange(rule.name) : undefined;
      if (range !== undefined) this.#lengths.add(range.length);
    }
  }

  /** The rule for just these. */
  get(feature: string, whom: Whom): RuleForSomebody | undefined {
    return this.#rules.get(whomKey(feature, whom));
  }

  /** The rule that is for somebody among those of the same selector: by name, else by `*`. */
  own(feature: string, { by, name }: Whom): RuleForSomebody | undefined {
    return this.get(feature, { by, name }) ?? (isGroup(by) ? undefined : this.get(feature, { by, name: '*' }));
  }

  /** Whether a rule is for a part of this range of addresses. */
  isWithin(feature: string, { by, name }: Whom): boolean {
    const range = by === 'address' ? readRange(name) : undefined;
    if (range === undefined) return false;
    let cut = this.#cut.get(range.length);
    if (cut === undefined) {
      cut = new Set(
        [...this.#rules.values()].flatMap((rule) => {
          const narrow = rule.by === 'address' ? readRange(rule.name) : undefined;
          if (narrow === undefined || narrow.length < range.length) return [];
          return [rangeKey(rule.feature, range.length, narrow.prefix >> BigInt(narrow.length - range.length))];
        }),
      );
      this.#cut.set(range.length, cut);
    }
    return cut.has(rangeKey(feature, range.length, range.prefix));
  }

  /** Rules that are for all of these, whatever they name them by; not of a group's members one by one. */
  covering(feature: string, whom: Whom): readonly RuleForSomebody[] {
    const range = whom.by === 'address' ? readRange(whom.name) : undefined;
    const wider =
      range === undefined
        ? []
        : [...this.#lengths]
            .filter((length) => length < range.length)
            .map((length) => this.#rules.get(rangeKey(feature, length, range.prefix >> BigInt(range.length - length))));
    const groups = this.#membership.groupsOf(whom).map((group) => this.get(feature, group));
    return [this.own(feature, whom), ...groups, ...wider].filter((rule) => rule !== undefined);
  }
}

/** The same, however an address is written. */
export function whomKey(feature: string, { by, name }: Whom): string {
  const range = by === 'address' ? readRange(name) : undefined;
  return range === undefined ? JSON.stringify([feature, by, name]) : rangeKey(feature, range.length, range.prefix);
}

function rangeKey(feature: string, length: number, prefix: bigint): string {
  return JSON.stringify([feature, 'address', length, prefix.toString(36)]);
}
