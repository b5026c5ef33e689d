import {
  askerRuleKinds,
  type BorrowRule,
  type PolicyDocument,
  type PolicyRule,
  policyLimits,
  selectorKinds,
} from './document.ts';

/**
 * Whether a value from the log is a policy that can be applied: of the right form and within the limits. What it says may still be
 * without sense: that is checked before it is proposed.
 */
export function isPolicyDocument(value: unknown): value is PolicyDocument {
  if (!isObject(value) || !isGroups(value.groups) || !isGroups(value.hostGroups)) return false;
  return (
    Array.isArray(value.rules) &&
    value.rules.length <= policyLimits.rulesMax &&
    value.rules.every((rule: unknown) => isObject(rule) && isRule(rule as Partial<PolicyRule>))
  );
}

function isRule({ line, feature, kind, by, name, count, ms, borrow }: Partial<Record<keyof PolicyRule, unknown>>) {
  if (!isCount(line) || !isPolicyName(feature)) return false;
  switch (kind) {
    case 'idle':
    case 'linger':
      return isWhole(ms, policyLimits.msMax);
    case 'overdraft':
      return isCount(count);
    case 'borrow':
      return isBorrow(borrow);
    default:
      return (
        isOneOf(askerRuleKinds, kind) &&
        isOneOf(selectorKinds, by) &&
        isPolicyName(name) &&
        (kind === 'include' || kind === 'exclude' || isCount(count)) &&
        // Each one's own reservation would be more than there ever is.
        (kind !== 'reserve' || name !== '*')
      );
  }
}

function isBorrow(value: unknown): value is BorrowRule {
  if (!isObject(value)) return false;
  const { longestMs, countMax, keep } = value;
  return (
    (longestMs === undefined || isWhole(longestMs, policyLimits.msMax)) &&
    (countMax === undefined || isCount(countMax)) &&
    (keep === undefined || isCount(keep))
  );
}

function isGroups(value: unknown): boolean {
  if (!isObject(value)) return false;
  const groups = Object.entries(value);
  return (
    groups.length <= policyLimits.groupsMax &&
    groups.every(([name, members]) => isPolicyName(name) && Array.isArray(members) && members.every(isPolicyName)) &&
    groups.reduce((sum, [, members]) => sum + (members as readonly unknown[]).length, 0) <= policyLimits.membersMax
  );
}

function isOneOf(known: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && known.includes(value);
}

function isCount(value: unknown): boolean {
  return isWhole(value, policyLimits.countMax);
}

function isWhole(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

/** Whether a name can stand in a policy: of a group, of a member, of whom a rule is for. */
export function isPolicyName(value: unknown): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= policyLimits.nameCharsMax && !/\p{Cs}/u.test(value)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
