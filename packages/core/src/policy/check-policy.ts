import type { LicenseFeature } from '../license/license.ts';
import { type PolicyDocument, type PolicyRule, ruleText } from './document.ts';
import type { PolicyIssue } from './issues.ts';
import { LicenseBounds } from './license-bounds.ts';
import { type RuleForSomebody, whomKey } from './reach.ts';
import { RuleConflicts } from './rule-conflicts.ts';

/**
 * What is wrong with a policy beside a license: names that neither knows, rules that contradict each other, and rules that can never
 * decide anything (it does not widen the license). None: it may be put into force.
 */
export function checkPolicy(document: PolicyDocument, features: readonly LicenseFeature[]): readonly PolicyIssue[] {
  const rules = [...document.rules].sort((a, b) => a.line - b.line);
  const bounds = new LicenseBounds(features, rules);
  const names = new Set(bounds.names);
  const conflicts = new RuleConflicts(document, rules.filter(isForSomebody), bounds.names);
  const seen = new Map<string, PolicyRule>();
  const issues = rules.flatMap((rule) => {
    const problem =
      unknownName(rule, document, names) ??
      twice(rule, seen) ??
      (isForSomebody(rule) ? conflicts.problemOf(rule) : undefined);
    const problems = problem === undefined ? bounds.problemsOf(rule) : [problem];
    return problems.map((text) => ({ line: rule.line, message: `${ruleText(rule)}: ${text}` }));
  });
  return [...issues, ...bounds.overReserved(rules)].sort((a, b) => a.line - b.line);
}

function unknownName(
  { feature, by, name }: PolicyRule,
  { groups, hostGroups }: PolicyDocument,
  features: ReadonlySet<string>,
): string | undefined {
  if (feature !== '*' && !features.has(feature))
    return `the license has no feature "${feature}", so the rule can never match.`;
  if (by === 'group' && !Object.hasOwn(groups, name!)) return `there is no group "${name}" under "groups".`;
  if (by === 'hostGroup' && !Object.hasOwn(hostGroups, name!)) return `there is no group "${name}" under "hostGroups".`;
  return undefined;
}

/** Two rules of one kind for the same: one of them would have no say. */
function twice(rule: PolicyRule, seen: Map<string, PolicyRule>): string | undefined {
  const key = `${rule.kind} ${isForSomebody(rule) ? whomKey(rule.feature, rule) : JSON.stringify(rule.feature)}`;
  const first = seen.get(key);
  if (first === undefined) seen.set(key, rule);
  return first && `line ${first.line} has a rule of this kind for the same already. Keep one of the two.`;
}

function isForSomebody(rule: PolicyRule): rule is RuleForSomebody {
  return rule.by !== undefined && rule.name !== undefined;
}
