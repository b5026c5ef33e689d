import { AddressTable } from './address-table.ts';
import { readRange } from './addresses.ts';
import {
  type Asker,
  type AskerRuleKind,
  askerRuleKinds,
  type PolicyRule,
  type SelectorKind,
  type SettingKind,
} from './document.ts';

/** A rule that is for somebody. */
export type AskerRule = PolicyRule & {
  readonly kind: AskerRuleKind;
  readonly by: SelectorKind;
  readonly name: string;
};

/** The groups that users and hosts are in, by their names. */
export interface Memberships {
  readonly users: ReadonlyMap<string, readonly string[]>;
  readonly hosts: ReadonlyMap<string, readonly string[]>;
}

/**
 * What one part of a policy says, of one feature or of every feature, by whom it is for: found, never scanned. Whatever the number of rules,
 * somebody's are found with one look at a hash table for each thing that is known of them.
 */
export class RuleSet {
  readonly #named = new Map<SelectorKind, NamedRules>();
  readonly #ranges = new AddressTable<AskerRule[]>();
  #hasRanges = false;
  readonly settings = new Map<SettingKind, PolicyRule>();
  readonly reserves: AskerRule[] = [];
  firstInclude: PolicyRule | undefined;
  /** It has rules that count seats. */
  isCounting = false;

  add(rule: PolicyRule): void {
    if (!isForAsker(rule)) {
      this.settings.set(rule.kind as SettingKind, rule);
      return;
    }
    if (rule.kind === 'include') this.firstInclude ??= rule;
    if (rule.kind === 'reserve') this.reserves.push(rule);
    if (rule.kind === 'max' || rule.kind === 'reserve') this.isCounting = true;
    const range = rule.by === 'address' && rule.name !== '*' ? readRange(rule.name) : undefined;
    if (range !== undefined) {
      this.#hasRanges = true;
      this.#ranges.at(range, () => []).push(rule);
      return;
    }
    let named = this.#named.get(rule.by);
    if (named === undefined) {
      named = new NamedRules();
      this.#named.set(rule.by, named);
    }
    named.add(rule);
  }

  /** Calls `see` with all rules that are for the asker. `*` is each one that no other rule of the kind names by the same. */
  find(asker: Asker, groupsOf: Memberships, see: (rule: AskerRule) => void): void {
    for (const [by, rules] of this.#named) {
      if (by === 'group') rules.ofAll(groupsOf.users.get(asker.user), see);
      else if (by === 'hostGroup') rules.ofAll(groupsOf.hosts.get(asker.host), see);
      else if (by !== 'address' && asker[by] !== '') rules.of(asker[by], see);
    }
    if (this.#hasRanges || this.#named.has('address')) this.#findByAddress(asker.address, see);
  }

  #findByAddress(address: string, see: (rule: AskerRule) => void): void {
    const named: AskerRule[] = [];
    const isAddress = this.#ranges.each(address, (rules) => {
      for (const rule of rules) {
        named.push(rule);
        see(rule);
      }
    });
    if (isAddress) for (const rule of this.#named.get('address')?.others(named) ?? []) see(rule);
  }
}

/** Rules that name whom they are for by one kind of thing. */
class NamedRules {
  readonly #rules = new Map<string, AskerRule[]>();
  readonly #others: AskerRule[] = [];

  add(rule: AskerRule): void {
    if (rule.name === '*') {
      this.#others.push(rule);
      return;
    }
    const rules = this.#rules.get(rule.name);
    if (rules === undefined) this.#rules.set(rule.name, [rule]);
    else rules.push(rule);
  }

  /** Those for this name, and of each kind that has none those for everybody. */
  of(name: string, see: (rule: AskerRule) => void): void {
    const named = this.#rules.get(name);
    if (named !== undefined) for (const rule of named) see(rule);
    for (const rule of named === undefined ? this.#others : this.others(named)) see(rule);
  }

  /** Those for each of these names: `*` names no group. */
  ofAll(names: readonly string[] | undefined, see: (rule: AskerRule) => void): void {
    if (names === undefined) return;
    for (const name of names) for (const rule of this.#rules.get(name) ?? []) see(rule);
  }

  others(named: readonly AskerRule[]): readonly AskerRule[] {
    if (named.length === 0 || this.#others.length === 0) return this.#others;
    return this.#others.filter(({ kind }) => !named.some((rule) => rule.kind === kind));
  }
}

function isForAsker(rule: PolicyRule): rule is AskerRule {
  return (askerRuleKinds as readonly string[]).includes(rule.kind);
}
