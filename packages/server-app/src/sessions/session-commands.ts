import { type SessionRequest, sha256Hex } from '@lic/core';
import type { ResumeMessage, SessionMessage } from '@lic/protocol';
import type { Unstamped } from '../propose.ts';

/** The log's form of a session's request. The secret goes no further than this: the log has its hash. */
export function sessionCommand(message: SessionMessage): Unstamped {
  const request: Omit<SessionRequest, 'at'> = {
    session: message.session,
    seq: message.seq,
    awaited: message.awaited,
    attempt: message.attempt,
    epoch: message.epoch,
  };
  switch (message.t) {
    case 'checkout':
      return {
        kind: 'checkout',
        ...request,
        ...(message.opening === undefined
          ? {}
          : {
              opening: {
                secretHash: sha256Hex(message.opening.secret),
                user: message.opening.user,
                host: message.opening.host,
              },
            }),
        feature: message.feature,
        ...(message.version === undefined ? {} : { version: message.version }),
        count: message.count,
        ...(message.waitMs === undefined ? {} : { waitMs: message.waitMs }),
      };
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
