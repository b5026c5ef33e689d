import type { LicenseFeature } from '../license/license.ts';
import { type PolicyDocument, type PolicyRule, ruleText } from './document.ts';
import type { PolicyIssue } from './issues.ts';

/**
 * What is wrong with a policy beside a license: names that neither knows, rules that contradict each other, and rules that can never
 * decide anything (it does not widen the license). None: it may be put into force.
 */
export function checkPolicy(document: PolicyDocument, features: readonly LicenseFeature[]): readonly PolicyIssue[] {
  const byLine = [...document.rules].sort((a, b) => a.line - b.line);
  const seen = new Map<string, PolicyRule>();
  for (const rule of byLine.filter(({ kind }) => kind === 'exclude')) seen.set(whomOf(rule), rule);
  const issues = byLine.flatMap((rule) => {
    const problem =
      unknownName(rule, document, features) ??
      twice(rule, seen) ??
      excludedToo(rule, seen) ??
      beyondLicense(rule, features);
    return problem === undefined ? [] : [{ line: rule.line, message: `${ruleText(rule)}: ${problem}` }];
  });
  return [...issues, ...overReserved(byLine, features)].sort((a, b) => a.line - b.line);
}

function unknownName(
  { feature, by, name }: PolicyRule,
  { groups, hostGroups }: PolicyDocument,
  features: readonly LicenseFeature[],
): string | undefined {
  if (feature !== '*' && !features.some((one) => one.name === feature))
    return `the license has no feature "${feature}", so the rule can never match.`;
  if (by === 'group' && !Object.hasOwn(groups, name!)) return `there is no group "${name}" under "groups".`;
  if (by === 'hostGroup' && !Object.hasOwn(hostGroups, name!)) return `there is no group "${name}" under "hostGroups".`;
  return undefined;
}

/** Two rules of one kind for the same: one of them would have no say. */
function twice(rule: PolicyRule, seen: Map<string, PolicyRule>): string | undefined {
  const key = keyOf(rule);
  const first = seen.get(key);
  if (first === undefined) seen.set(key, rule);
  return first === undefined || first === rule
    ? undefined
    : `line ${first.line} has a rule of this kind for the same already. Keep one of the two.`;
}

/** Deny beats allow. */
function excludedToo(rule: PolicyRule, seen: ReadonlyMap<string, PolicyRule>): string | undefined {
  if (rule.by === undefined || rule.kind === 'exclude') return undefined;
  const excluded =
    seen.get(whomOf(rule)) ?? seen.get(whomOf({ ...rule, feature: '*' })) ?? seen.get(whomOf({ ...rule, name: '*' }));
  return excluded === undefined
    ? undefined
    : `line ${excluded.line} excludes the same, so this can never match: deny beats allow.`;
}

function beyondLicense(rule: PolicyRule, features: readonly LicenseFeature[]): string | undefined {
  const own = features.filter(({ name }) => rule.feature === '*' || rule.feature === name);
  if (own.length === 0) return undefined;
  const most = (of: (feature: LicenseFeature) => number) =>
    Math.max(
      ...[...new Set(own.map(({ name }) => name))].map((name) => sum(own.filter((one) => one.name === name).map(of))),
    );
  switch (rule.kind) {
    case 'overdraft': {
      const overdraft = most((feature) => feature.overdraft ?? 0);
      return rule.count! < overdraft
        ? undefined
        : `the license lets ${overdraft} seats be overdrawn. A policy lets fewer be, never more.`;
    }
    case 'linger': {
      const longest = Math.max(...own.map(({ lingerSeconds = 0 }) => lingerSeconds));
      return rule.ms! > longest * 1000
        ? undefined
        : `the license makes seats linger ${longest} s. A policy makes them linger longer, never shorter.`;
    }
    case 'max': {
      const seats = most((feature) => seatsOf(feature) + (feature.overdraft ?? 0));
      return rule.count! < seats ? undefined : `the license has ${seats} seats, so this limit can never be reached.`;
    }
    default:
      return undefined;
  }
}

/** More is reserved than there is: the last reservations can never be met. */
function overReserved(rules: readonly PolicyRule[], features: readonly LicenseFeature[]): readonly PolicyIssue[] {
  const left = new Map<string, number>();
  return rules.flatMap((rule) => {
    if (rule.kind !== 'reserve') return [];
    const names = rule.feature === '*' ? [...new Set(features.map(({ name }) => name))] : [rule.feature];
    return names.flatMap((name) => {
      const own = features.filter((feature) => feature.name === name);
      if (own.length === 0) return [];
      const before = left.get(name) ?? sum(own.map(seatsOf));
      left.set(name, before - rule.count!);
      if (before >= rule.count!) return [];
      const message = `${ruleText(rule)}: only ${Math.max(0, before)} seats of "${name}" are not reserved yet.`;
      return [{ line: rule.line, message }];
    });
  });
}

function seatsOf({ count }: LicenseFeature): number {
  return count === 'uncounted' ? Number.POSITIVE_INFINITY : count;
}

function keyOf(rule: PolicyRule): string {
  return rule.kind === 'exclude' ? whomOf(rule) : `${rule.kind} ${whomOf(rule)}`;
}

function whomOf({ feature, by, name }: PolicyRule): string {
  return JSON.stringify([feature, by ?? '', name ?? '']);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
