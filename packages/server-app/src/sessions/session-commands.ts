import {
  type BorrowCommand,
  type CheckoutCommand,
  type CheckoutItem,
  exchangeVersion,
  type LedgerSummary,
  type SessionOpening,
  type SessionRequest,
  sha256Hex,
  termsVersion,
} from '@lic/core';
import type { BorrowMessage, CheckoutMessage, ResumeMessage, SessionMessage } from '@lic/protocol';
import type { Unstamped } from '../propose.ts';

/** What the server in control says of a request for seats. */
export interface Circumstances {
  readonly isPastQueue: boolean;
  readonly isHalted: boolean;
  /** From where it came. */
  readonly address?: string | undefined;
}

/** The log's form of a checkout. The secret goes no further than this: the log has its hash. */
export function checkoutCommand(
  message: CheckoutMessage,
  { isPastQueue, isHalted, address }: Circumstances,
): Unstamped<CheckoutCommand> {
  const { opening, more, waitMs } = message;
  return {
    kind: 'checkout',
    ...requestOf(message),
    ...(opening === undefined ? {} : { opening: openingOf(opening) }),
    ...itemOf(message),
    ...(more === undefined ? {} : { more: more.map(itemOf) }),
    ...(address === undefined ? {} : { address }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(isPastQueue ? { pastQueue: true } : {}),
    ...(isHalted ? { isHalted: true } : {}),
  };
}

/** Why the ledger rules in force know no answer to a checkout: it is put off until they do. */
export function notInForce(
  { ledgerVersion }: Pick<LedgerSummary, 'ledgerVersion'>,
  { more, isHalted }: { readonly more: readonly unknown[]; readonly isHalted: boolean },
): string | undefined {
  if (more.length > 0 && ledgerVersion < termsVersion)
    return `Several features at once need ledger version ${termsVersion}, which comes into force once all servers are updated.`;
  return isHalted && ledgerVersion < exchangeVersion
    ? 'The states of two servers differ: nothing is granted.'
    : undefined;
}

/** The log's form of a borrow, at `nowMs` of license time. */
export function borrowCommand(
  message: BorrowMessage,
  nowMs: number,
  { isPastQueue, isHalted, address }: Circumstances,
): Unstamped<BorrowCommand> {
  const { opening, borrow, ends } = message;
  const { shareKey: _shareKey, countMin: _countMin, ...item } = itemOf(message);
  return {
    kind: 'borrow',
    ...requestOf(message),
    ...(opening === undefined ? {} : { opening: openingOf(opening) }),
    borrow,
    ...item,
    untilMs: Math.floor('inMs' in ends ? nowMs + ends.inMs : ends.atMs),
    ...(address === undefined ? {} : { address }),
    ...(isPastQueue ? { pastQueue: true } : {}),
    ...(isHalted ? { isHalted: true } : {}),
  };
}

function openingOf({ secret, user, host, project, product }: NonNullable<CheckoutMessage['opening']>): SessionOpening {
  return {
    secretHash: sha256Hex(secret),
    user,
    host,
    ...(project === undefined ? {} : { project }),
    ...(product === undefined ? {} : { product }),
  };
}

/** The host of an address such as `tcp://10.1.2.3:50312` or `wss://[2001:db8::1]:443`; undefined where it has none. */
export function hostOf(remote: string): string | undefined {
  return /^\w+:\/\/(?:\[([^\]]+)\]|([^:/]+))/
    .exec(remote)
    ?.slice(1)
    .find((part) => part !== undefined);
}

/** The log's form of any other request of a session. */
export function sessionCommand(message: Exclude<SessionMessage, CheckoutMessage | BorrowMessage>): Unstamped {
  const request = requestOf(message);
  switch (message.t) {
    case 'cancel':
      return { kind: 'cancel', ...request, checkoutSeq: message.checkoutSeq };
    case 'checkin':
      return { kind: 'checkin', ...request, grant: message.grant };
    case 'acknowledge':
      return { kind: 'acknowledge', ...request, grants: message.grants };
    case 'goodbye':
      return { kind: 'goodbye', ...request };
  }
}

/** The log's form of a resume. */
export function resumeCommand(message: ResumeMessage): Unstamped {
  return {
    kind: 'resume',
    session: message.session,
    secretHash: sha256Hex(message.secret),
    epoch: message.epoch,
    request: message.request,
    attempt: message.attempt,
  };
}

type Item = NonNullable<CheckoutMessage['more']>[number];

function itemOf({ feature, version, releasedAt, display, shareKey, count, countMin }: Item): CheckoutItem {
  return {
    feature,
    ...(version === undefined ? {} : { version }),
    ...(releasedAt === undefined ? {} : { releasedAt }),
    ...(display === undefined ? {} : { display }),
    ...(shareKey === undefined ? {} : { shareKey }),
    count,
    ...(countMin === undefined ? {} : { countMin }),
  };
}

function requestOf({ session, seq, awaited, attempt, epoch }: SessionMessage): Omit<SessionRequest, 'at'> {
  return { session, seq, awaited, attempt, epoch };
}
