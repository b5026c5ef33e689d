import { isLicError, LicError } from '@lic/interfaces';
import { isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { readRange } from './addresses.ts';
import { isPolicyName } from './check-document.ts';
import {
  type AskerRuleKind,
  askerRuleKinds,
  type BorrowRule,
  type PolicyDocument,
  type PolicyRule,
  policyLimits,
  type SelectorKind,
  selectorKinds,
  settingKinds,
} from './document.ts';
import type { PolicyIssue } from './issues.ts';

/**
 * Reads a policy file. Throws `POLICY_INVALID` whose `issues` name each line that is wrong: all of them that can be told in one go,
 * each with what was expected.
 */
export function parsePolicy(text: string): PolicyDocument {
  const reader = new PolicyReader(text);
  const document = reader.read();
  if (reader.issues.length > 0) throw invalidPolicy(reader.issues);
  return document;
}

/** The error of a policy that is refused. */
export function invalidPolicy(issues: readonly PolicyIssue[]): LicError {
  const sorted = [...issues].sort((a, b) => a.line - b.line);
  const shown = sorted.map(({ line, message }) => `line ${line}: ${message}`);
  return new LicError('POLICY_INVALID', `The policy is refused. ${shown.join(' ')}`, { details: { issues: sorted } });
}

/** Whether an error is a refused policy. */
export function isPolicyInvalid(error: unknown): error is LicError {
  return isLicError(error, 'POLICY_INVALID');
}

const units: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const aName = `a name of 1 to ${policyLimits.nameCharsMax} characters`;

class PolicyReader {
  readonly issues: PolicyIssue[] = [];
  readonly #lines = new LineCounter();
  readonly #text: string;
  readonly #rules: PolicyRule[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  read(): PolicyDocument {
    const empty = { groups: {}, hostGroups: {}, rules: [] };
    if (this.#text.length > policyLimits.charsMax) {
      this.#fail(1, `the file has ${this.#text.length} characters, at most ${policyLimits.charsMax} are allowed.`);
      return empty;
    }
    const parsed = parseDocument(this.#text, { lineCounter: this.#lines, uniqueKeys: true });
    for (const { pos, message } of parsed.errors)
      this.#fail(this.#lines.linePos(pos[0]).line, `no YAML: ${message.split('\n')[0]}`);
    if (parsed.errors.length > 0) return empty;
    const { contents } = parsed;
    if (!isMap(contents)) {
      this.#fail(1, 'a policy begins with "policy: 1".');
      return empty;
    }
    let groups: PolicyDocument['groups'] = {};
    let hostGroups: PolicyDocument['hostGroups'] = {};
    let isVersioned = false;
    for (const [key, value, line] of this.#pairs(contents)) {
      if (key === 'policy') isVersioned = isScalar(value) && value.value === 1;
      else if (key === 'groups') groups = this.#groups(value, line);
      else if (key === 'hostGroups') hostGroups = this.#groups(value, line);
      else if (key === 'features') this.#features(value, line);
      else this.#fail(line, `"${key}" is unknown here. Known are policy, groups, hostGroups and features.`);
    }
    if (!isVersioned) this.#fail(1, 'the format is not named: write "policy: 1" at the top.');
    if (this.#rules.length > policyLimits.rulesMax)
      this.#fail(this.#rules[policyLimits.rulesMax]!.line, `more than ${policyLimits.rulesMax} rules.`);
    return { groups, hostGroups, rules: this.#rules };
  }

  #groups(node: Node | null, line: number): PolicyDocument['groups'] {
    if (!isMap(node)) {
      this.#fail(line, 'expected groups by name, each with a list of its members.');
      return {};
    }
    const groups = this.#pairs(node).map(([name, members, at]) => [name, this.#members(name, members, at)] as const);
    if (groups.length > policyLimits.groupsMax) this.#fail(line, `more than ${policyLimits.groupsMax} groups.`);
    if (groups.reduce((sum, [, members]) => sum + members.length, 0) > policyLimits.membersMax)
      this.#fail(line, `more than ${policyLimits.membersMax} members of groups.`);
    return Object.fromEntries(groups);
  }

  #members(group: string, node: Node | null, line: number): readonly string[] {
    if (!isPolicyName(group)) this.#fail(line, `expected ${aName} for a group.`);
    if (!isSeq(node) || node.items.length === 0) {
      this.#fail(line, `the group "${group}" has no members: write a list of them.`);
      return [];
    }
    const members = new Set<string>();
    for (const item of node.items as Node[]) {
      const name = this.#name(item, line);
      if (name === undefined) continue;
      if (members.has(name))
        this.#fail(this.#lineOf(item) ?? line, `"${name}" stands in the group "${group}" already.`);
      members.add(name);
    }
    return [...members];
  }

  #features(node: Node | null, line: number): void {
    if (!isMap(node)) {
      this.#fail(line, 'expected features by name, each with its rules. "*" is every feature.');
      return;
    }
    for (const [feature, rules, at] of this.#pairs(node)) {
      if (!isMap(rules) || rules.items.length === 0)
        this.#fail(at, `expected rules of the feature "${feature}", for example "max: [{ user: '*', count: 2 }]".`);
      else for (const [kind, value, where] of this.#pairs(rules)) this.#kind(feature, kind, value, where);
    }
  }

  #kind(feature: string, kind: string, node: Node | null, line: number): void {
    if (kind === 'borrow') this.#borrow(feature, node, line);
    else if (kind === 'idle' || kind === 'linger') {
      const ms = this.#duration(node, line);
      if (ms !== undefined) this.#rules.push({ line, feature, kind, ms });
    } else if (kind === 'overdraft') {
      const count = this.#count(node, line, 0);
      if (count !== undefined) this.#rules.push({ line, feature, kind, count });
    } else if (!(askerRuleKinds as readonly string[]).includes(kind)) {
      this.#fail(line, `"${kind}" is no kind of rule. Known are ${[...askerRuleKinds, ...settingKinds].join(', ')}.`);
    } else if (!isSeq(node) || node.items.length === 0) {
      this.#fail(line, `expected a list of rules, for example "${kind}: [{ user: anna }]".`);
    } else for (const item of node.items) this.#rule(feature, kind as AskerRuleKind, item as Node, line);
  }

  #rule(feature: string, kind: AskerRuleKind, node: Node, listLine: number): void {
    const line = this.#lineOf(node) ?? listLine;
    if (!isMap(node)) {
      this.#fail(line, `expected whom the rule is for, for example "{ user: anna }".`);
      return;
    }
    const amount = { max: 'count', reserve: 'count', priority: 'level', include: '', exclude: '' }[kind];
    const whom: { by: SelectorKind; name: string }[] = [];
    let count: number | undefined;
    const before = this.issues.length;
    for (const [key, value, at] of this.#pairs(node)) {
      if (key === amount) count = this.#count(value, at, 1);
      else if (!(selectorKinds as readonly string[]).includes(key))
        this.#fail(
          at,
          `"${key}" is unknown in "${kind}". Known are ${selectorKinds.join(', ')}${amount === '' ? '' : ` and ${amount}`}.`,
        );
      else {
        const name = this.#name(value, at);
        if (name !== undefined) whom.push({ by: key as SelectorKind, name });
      }
    }
    if (this.issues.length > before) return;
    const [first, ...others] = whom;
    if (first === undefined || others.length > 0) {
      this.#fail(
        line,
        `a rule is for one of ${selectorKinds.join(', ')}, this one names ${whom.length}. Write one rule for each.`,
      );
      return;
    }
    if (amount !== '' && count === undefined) {
      this.#fail(line, `"${kind}" needs a "${amount}", a whole number from 1.`);
      return;
    }
    if (first.by === 'address' && first.name !== '*' && readRange(first.name) === undefined)
      this.#fail(
        line,
        `"${first.name}" is no address or range whose open bits are 0, for example 10.1.0.0/16 or 2001:db8::/32.`,
      );
    if (first.name === '*' && (kind === 'reserve' || first.by === 'group' || first.by === 'hostGroup'))
      this.#fail(
        line,
        `"*" names each one by itself, which makes no sense in ${kind === 'reserve' ? 'a reservation' : `"${first.by}"`}.`,
      );
    this.#rules.push({ line, feature, kind, ...first, ...(count === undefined ? {} : { count }) });
  }

  #borrow(feature: string, node: Node | null, line: number): void {
    const borrow: { -readonly [key in keyof BorrowRule]: BorrowRule[key] } = {};
    if (!isMap(node)) this.#fail(line, 'expected limits, for example "borrow: { longest: 7d, countMax: 5, keep: 2 }".');
    else
      for (const [key, value, at] of this.#pairs(node)) {
        if (key === 'longest') borrow.longestMs = this.#duration(value, at) ?? 0;
        else if (key === 'countMax' || key === 'keep') borrow[key] = this.#count(value, at, 0) ?? 0;
        else this.#fail(at, `"${key}" is unknown in "borrow". Known are longest, countMax and keep.`);
      }
    this.#rules.push({ line, feature, kind: 'borrow', borrow });
  }

  #duration(node: Node | null, line: number): number | undefined {
    const text = isScalar(node) ? String(node.value) : '';
    const [, amount = '', unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
    const ms = Number(amount) * (units[unit] ?? Number.NaN);
    if (ms > 0 && ms <= policyLimits.msMax) return ms;
    this.#fail(
      line,
      `"${text}" is no duration: write a whole number with s, m, h or d, for example 30m; at most 366d.`,
    );
    return undefined;
  }

  #count(node: Node | null, line: number, least: number): number | undefined {
    const count = isScalar(node) ? node.value : undefined;
    if (Number.isSafeInteger(count) && (count as number) >= least && (count as number) <= policyLimits.countMax)
      return count as number;
    this.#fail(line, `expected a whole number from ${least} to ${policyLimits.countMax}, not ${String(count)}.`);
    return undefined;
  }

  #name(node: Node | null, line: number): string | undefined {
    const value = isScalar(node) ? node.value : undefined;
    // A name of digits is one as it is written: 007 is not 7.
    const name = typeof value === 'number' && isScalar(node) ? (node.source ?? String(value)) : value;
    if (isPolicyName(name)) return name;
    this.#fail(this.#lineOf(node) ?? line, `expected ${aName}.`);
    return undefined;
  }

  #pairs(map: YAMLMap): readonly (readonly [key: string, value: Node | null, line: number])[] {
    return map.items.filter(isPair).map(({ key, value }) => {
      const name = isScalar(key) ? String(key.value) : '';
      return [name, value as Node | null, this.#lineOf(key as Node) ?? 1] as const;
    });
  }

  #lineOf(node: Node | null | undefined): number | undefined {
    const at = node?.range?.[0];
    return at === undefined ? undefined : this.#lines.linePos(at).line;
  }

  #fail(line: number, message: string): void {
    this.issues.push({ line, message });
  }
}
