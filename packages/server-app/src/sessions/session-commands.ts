import { type CheckoutCommand, type CheckoutItem, type SessionRequest, sha256Hex } from '@lic/core';
import type { CheckoutMessage, ResumeMessage, SessionMessage } from '@lic/protocol';
import type { Unstamped } from '../propose.ts';

/** The log's form of a checkout. The secret goes no further than this: the log has its hash. */
export function checkoutCommand(
  message: CheckoutMessage,
  { isPastQueue, isHalted }: { readonly isPastQueue: boolean; readonly isHalted: boolean },
): Unstamped<CheckoutCommand> {
  const { opening, more, waitMs } = message;
  return {
    kind: 'checkout',
    ...requestOf(message),
    ...(opening === undefined
      ? {}
      : { opening: { secretHash: sha256Hex(opening.secret), user: opening.user, host: opening.host } }),
    ...itemOf(message),
    ...(more === undefined ? {} : { more: more.map(itemOf) }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(isPastQueue ? { pastQueue: true } : {}),
    ...(isHalted ? { isHalted: true } : {}),
  };
}

/** The log's form of any other request of a session. */
export function sessionCommand(message: Exclude<SessionMessage, CheckoutMessage>): Unstamped {
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
