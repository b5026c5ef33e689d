import { type Decision, decideCheckout } from './checkout.ts';
import type { CheckoutCommand, CheckoutItem } from './commands.ts';
import { withRule } from './denial-rules.ts';
import { deny } from './denials.ts';
import type { LedgerState } from './ledger-state.ts';
import { ledgerLimits, termsVersion } from './limits.ts';
import type { Part } from './pool-seats.ts';
import type { Session } from './records.ts';

/** What a checkout asks for, feature by feature. The sequence number of each is the checkout's and its place in this list. */
export function itemsOf(command: CheckoutCommand): readonly CheckoutItem[] {
  return command.more === undefined ? [command] : [command, ...command.more];
}

/** The last sequence number that a request takes. */
export function lastSeqOf(
  state: LedgerState,
  request: { readonly seq: number; readonly more?: readonly CheckoutItem[] },
): number {
  return request.seq + (state.version >= termsVersion ? (request.more?.length ?? 0) : 0);
}

/** What a checkout of any number of features comes to: all of them, or the denial of the first that can't be had. */
export type FullDecision =
  | { readonly kind: 'take'; readonly parts: readonly Part[] }
  | Exclude<Decision, { kind: 'take' }>;

/**
 * Decides a checkout that is run for the first time, as servers of the version in force understand it. No feature is named twice, so what
 * one of them takes is free for none of the others and each is decided alone.
 */
export function decideAll(state: LedgerState, session: Session, command: CheckoutCommand): FullDecision {
  const { more = [] } = command;
  if (more.length === 0) {
    const decision = decideCheckout(state, session, command);
    return decision.kind === 'take' ? { kind: 'take', parts: [decision] } : decision;
  }
  const invalid = findInvalid(command);
  if (invalid !== undefined)
    return { kind: 'deny', denial: withRule(state, deny('INVALID_REQUEST', command, invalid)) };
  if (session.grants + session.entries + more.length >= ledgerLimits.grantsPerSessionMax) {
    const what = `The limit of one client is ${ledgerLimits.grantsPerSessionMax} checkouts.`;
    return { kind: 'deny', denial: withRule(state, deny('TOO_MANY_GRANTS', command, what)) };
  }
  const parts: Part[] = [];
  for (const item of itemsOf(command)) {
    const decision = decideCheckout(state, session, item === command ? command : { ...bare(command), ...item });
    if (decision.kind !== 'take') return decision;
    parts.push(decision);
  }
  return { kind: 'take', parts };
}

/** The checkout without what it says of its first feature. */
function bare(first: CheckoutCommand): CheckoutCommand {
  const {
    version: _version,
    releasedAt: _releasedAt,
    display: _display,
    shareKey: _shareKey,
    countMin: _countMin,
    ...rest
  } = first;
  return rest;
}

function findInvalid(command: CheckoutCommand): string | undefined {
  const names = itemsOf(command).map(({ feature }) => feature);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) return `"${twice}" is named twice: ask for more seats of it at once.`;
  if ((command.waitMs ?? 0) > 0) return 'Several features at once wait in no queue: check out without a wait.';
  return undefined;
}
