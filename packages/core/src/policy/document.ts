/** What a rule may name whom it is for by. `user`, `host`, `project` and `product` are what the client says; the address is seen by the server. */
export const selectorKinds = [
  'user',
  'group',
  'host',
  'hostGroup',
  'display',
  'address',
  'project',
  'product',
] as const;
export type SelectorKind = (typeof selectorKinds)[number];

/** Kinds of rules that are for somebody. */
export const askerRuleKinds = ['exclude', 'include', 'max', 'reserve', 'priority'] as const;
export type AskerRuleKind = (typeof askerRuleKinds)[number];
/** Kinds of rules that are for everybody who uses the feature. */
export const settingKinds = ['idle', 'linger', 'overdraft', 'borrow'] as const;
export type SettingKind = (typeof settingKinds)[number];

/** One rule, as it stands in one line of the file. */
export interface PolicyRule {
  /** Where it stands in the file, from 1. */
  readonly line: number;
  /** A feature's name; `*`: every feature. */
  readonly feature: string;
  readonly kind: AskerRuleKind | SettingKind;
  /** Whom it is for: of rules for somebody. `name` `*`: each one by itself. */
  readonly by?: SelectorKind;
  readonly name?: string;
  /** `max`, `reserve`: seats; `overdraft`: seats above the count; `priority`: the level. */
  readonly count?: number;
  /** `idle`, `linger`. */
  readonly ms?: number;
  readonly borrow?: BorrowRule;
}

/** What a `borrow` rule says; what it leaves out is as the license has it. */
export interface BorrowRule {
  readonly longestMs?: number;
  /** Borrowed seats of the feature at one time. */
  readonly countMax?: number;
  /** Free seats that must be left. */
  readonly keep?: number;
}

/** The policy as all servers have it: the rules one by one, with the lines that they stand in. */
export interface PolicyDocument {
  readonly groups: Readonly<Record<string, readonly string[]>>;
  readonly hostGroups: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly PolicyRule[];
}

/** Who asks, as far as rules can tell; '' where it is not known. */
export interface Asker {
  readonly user: string;
  readonly host: string;
  readonly project: string;
  readonly product: string;
  readonly display: string;
  readonly address: string;
}

/** A rule as denials and reports name it. */
export interface RuleView {
  readonly line: number;
  readonly text: string;
}

/** Bounds of a policy. */
export const policyLimits = {
  /** The file. */
  charsMax: 400_000,
  rulesMax: 20_000,
  groupsMax: 10_000,
  /** Members of all groups together. */
  membersMax: 100_000,
  nameCharsMax: 128,
  /** Seats, and levels of priority. */
  countMax: 1_000_000,
  /** A year. */
  msMax: 366 * 86_400_000,
} as const;

/** A rule in one line, as a person may have written it. */
export function ruleText({ feature, kind, by, name, count, ms, borrow }: PolicyRule): string {
  const whom = by === undefined ? '' : ` ${by} ${name}`;
  const much = count === undefined ? '' : ` ${count}`;
  const long = ms === undefined ? '' : ` ${ms / 1000}s`;
  const limits = borrow === undefined ? '' : ` ${JSON.stringify(borrow)}`;
  return `${feature}: ${kind}${whom}${much}${long}${limits}`;
}

export function viewRule(rule: PolicyRule): RuleView {
  return { line: rule.line, text: ruleText(rule) };
}
