import type { PolicyDocument, PolicyRule } from '@lic/core';

// What the rules of a policy say, read from its page in the docs and from nothing of the ledger: every rule is looked at, each time.

/** Who asks, as rules can tell. */
export interface Asker {
  readonly user: string;
  readonly host: string;
  readonly project: string;
  readonly product: string;
  readonly display: string;
  readonly address: string;
}

type Kind = PolicyRule['kind'];

/** All rules of the kind that are for the asker: the feature's own and those of every feature. */
export function rulesFor(
  policy: PolicyDocument,
  kind: Kind,
  { feature, asker }: { readonly feature: string; readonly asker: Asker },
): readonly PolicyRule[] {
  return [
    ...matching(policy, rulesOf(policy, kind, feature), asker),
    ...matching(policy, rulesOf(policy, kind, '*'), asker),
  ];
}

/** The rules of the kind that stand under this name. */
export function rulesOf(policy: PolicyDocument, kind: Kind, feature: string): readonly PolicyRule[] {
  return policy.rules.filter((rule) => rule.kind === kind && rule.feature === feature);
}

/** Why the policy keeps the asker out, if it does. */
export function barredBy(
  policy: PolicyDocument,
  { feature, asker }: { readonly feature: string; readonly asker: Asker },
): 'EXCLUDED' | 'NOT_INCLUDED' | undefined {
  if (rulesFor(policy, 'exclude', { feature, asker }).length > 0) return 'EXCLUDED';
  const own = rulesOf(policy, 'include', feature);
  const list = own.length > 0 ? own : rulesOf(policy, 'include', '*');
  return list.length === 0 || matching(policy, list, asker).length > 0 ? undefined : 'NOT_INCLUDED';
}

/** The place in the queue that the policy gives: the highest level. */
export function priorityOf(
  policy: PolicyDocument,
  { feature, asker }: { readonly feature: string; readonly asker: Asker },
): number {
  const own = matching(policy, rulesOf(policy, 'priority', feature), asker);
  const rules = own.length > 0 ? own : matching(policy, rulesOf(policy, 'priority', '*'), asker);
  return Math.max(0, ...rules.map(({ count = 0 }) => count));
}

/** What is said of the feature, else of every feature. */
export function settingOf(policy: PolicyDocument, kind: Kind, feature: string): PolicyRule | undefined {
  return rulesOf(policy, kind, feature)[0] ?? rulesOf(policy, kind, '*')[0];
}

/** Whom a rule counts seats for: with `*` each one by itself. */
export function subjectOf({ by, name }: PolicyRule, asker: Asker): string {
  return name === '*' ? asker[by as keyof Asker] : '';
}

/** `*` is each one whom no other rule of the list names by the same. */
function matching(policy: PolicyDocument, rules: readonly PolicyRule[], asker: Asker): readonly PolicyRule[] {
  const named = rules.filter((rule) => rule.name !== '*' && isNamed(policy, rule, asker));
  const each = rules.filter(
    ({ by, name }) => name === '*' && asker[by as keyof Asker] !== '' && !named.some((other) => other.by === by),
  );
  return [...named, ...each];
}

function isNamed({ groups, hostGroups }: PolicyDocument, { by, name = '' }: PolicyRule, asker: Asker): boolean {
  switch (by) {
    case 'group':
      return groups[name]?.includes(asker.user) === true;
    case 'hostGroup':
      return hostGroups[name]?.includes(asker.host) === true;
    case 'address':
      return isInRange(asker.address, name);
    case undefined:
      return false;
    default:
      return asker[by] === name;
  }
}

/** Bit by bit. */
function isInRange(address: string, range: string): boolean {
  const [base = '', length] = range.split('/');
  if (address === '' || address.includes(':') !== base.includes(':')) return false;
  const of = bits(address);
  return of.slice(0, Number(length ?? of.length)) === bits(base).slice(0, Number(length ?? of.length));
}

function bits(address: string): string {
  if (!address.includes(':')) return binary(address.split('.'), { radix: 10, width: 8 });
  const [head = '', tail] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const first = head === '' ? [] : head;
  const last = tail ?? [];
  const missing = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return binary([...first, ...missing, ...last], { radix: 16, width: 16 });
}

function binary(
  parts: readonly string[],
  { radix, width }: { readonly radix: number; readonly width: number },
): string {
  return parts.map((part) => Number.parseInt(part, radix).toString(2).padStart(width, '0')).join('');
}
