import { type GrantView, type Ledger, type LedgerCommand, type LedgerReply, sha256Hex } from '@lic/core';
import {
  type BorrowMessage,
  type ClientMessage,
  type ControlHint,
  type ErrorCode,
  errorCodes,
  type ServerMessage,
  type StatusReport,
  type WireGrant,
} from '@lic/protocol';
import type { FakeTriad } from './fake-triad.ts';

export type Unstamped = LedgerCommand extends infer C ? (C extends LedgerCommand ? Omit<C, 'at'> : never) : never;
export type HeartbeatMessage = Extract<ClientMessage, { t: 'heartbeat' }>;
export type HeartbeatRefusal = Extract<ServerMessage, { t: 'heartbeatRefused' }>['code'];
/** What goes through the log in a session. */
export type LogMessage = Exclude<
  ClientMessage,
  { t: 'hello' | 'status' | 'admin' | 'heartbeat' | 'return' | 'present' }
>;

export const isOpening = (message: LogMessage): boolean =>
  (message.t === 'checkout' || message.t === 'borrow') && message.opening !== undefined;

/** The epoch under which the message binds its session to the connection that it came on, where it does. */
export function bindsBy(message: LogMessage, reply: LedgerReply | undefined): number | undefined {
  if (reply === undefined || reply.kind === 'refused' || !('epoch' in reply)) return undefined;
  return message.t === 'resume' || isOpening(message) ? reply.epoch : undefined;
}

export function errorAnswer(id: number, code: ErrorCode, control: ControlHint | null): ServerMessage {
  return { t: 'error', id, code, message: code, retryable: errorCodes[code].retryable, control };
}

export function heartbeatAnswer(ledger: Ledger, { session, number, epoch }: HeartbeatMessage): ServerMessage {
  const ending = [...ledger.grantsOf(session)].flatMap((grant) =>
    grant.ending === undefined ? [] : [{ grant: grant.id, ...grant.ending }],
  );
  return { t: 'heartbeatAnswer', number, epoch, leaseMs: ledger.session(session)?.leaseMsMin ?? 0, ending };
}

export function statusReport(triad: FakeTriad): StatusReport {
  return {
    quorum: triad.hasQuorum && triad.inControl !== null,
    stale: false,
    degraded: false,
    inControl: triad.inControl?.rank ?? null,
    term: triad.term,
    licenseHash: null,
    licenseTime: null,
    open: true,
    stateHash: null,
    hashIndex: null,
    servers: [],
    pools: [],
    grants: [],
    grantsCut: false,
    sessions: triad.ledger.summary().sessions,
    notices: [],
  };
}

export function wireGrant(grant: GrantView): WireGrant {
  const { id, feature, version, count, sinceMs, leaseMs, reclaim, checkoutSeq, ending } = grant;
  const state = grant.state === 'ending' ? 'ending' : 'active';
  const shown: WireGrant = { id, feature, version, count, sinceMs, leaseMs, reclaim, state, checkoutSeq };
  return ending === undefined ? shown : { ...shown, ending };
}

function borrowOf({ t: kind, opening, ends, ...rest }: BorrowMessage, nowMs: number): Unstamped {
  const { id: _id, version, releasedAt, display, ...request } = rest;
  return {
    kind,
    ...request,
    ...(version === undefined ? {} : { version }),
    ...(releasedAt === undefined ? {} : { releasedAt }),
    ...(display === undefined ? {} : { display }),
    ...(opening === undefined
      ? {}
      : { opening: { secretHash: sha256Hex(opening.secret), user: opening.user, host: opening.host } }),
    untilMs: 'inMs' in ends ? nowMs + ends.inMs : ends.atMs,
  };
}

/** `nowMs`: license time. */
export function commandOf(message: LogMessage, nowMs: number): Unstamped {
  const { t, id: _, ...rest } = message as typeof message & Record<string, unknown>;
  if (message.t === 'borrow') return borrowOf(message, nowMs);
  if (message.t === 'resume') {
    const { session, secret, epoch, request, attempt } = message;
    return { kind: 'resume', session, secretHash: sha256Hex(secret), epoch, request, attempt };
  }
  if (message.t === 'checkout' && message.opening !== undefined) {
    const { secret, user, host } = message.opening;
    return { ...rest, kind: t, opening: { secretHash: sha256Hex(secret), user, host } } as unknown as Unstamped;
  }
  return { ...rest, kind: t } as unknown as Unstamped;
}

export function answerOf(id: number, seq: number, reply: LedgerReply): ServerMessage {
  switch (reply.kind) {
    case 'granted':
      return {
        t: 'granted',
        id,
        seq,
        epoch: reply.epoch,
        grant: wireGrant(reply.grant),
        ...(reply.more === undefined ? {} : { more: reply.more.map(wireGrant) }),
      };
    case 'queued':
      return { t: 'queued', id, seq, epoch: reply.epoch, place: reply.entry };
    case 'denied':
      return { t: 'denied', id, seq, epoch: reply.epoch, denial: reply.denial as never };
    case 'borrowed': {
      const { id: grant, feature, version, count, sinceMs, untilMs = sinceMs } = reply.borrow;
      const borrow = { id: grant, feature, version, count, sinceMs, untilMs };
      return { t: 'borrowed', id, seq, epoch: reply.epoch, borrow, token: `token of ${grant}` };
    }
    case 'done':
      return { t: 'done', id, seq, epoch: reply.epoch };
    case 'resumed':
      return {
        t: 'resumed',
        id,
        epoch: reply.epoch,
        grants: reply.grants.map(wireGrant),
        queue: [...reply.queue],
        ended: [...reply.ended],
      };
    case 'refused': {
      const { code, message, reason } = reply;
      return {
        t: 'error',
        id,
        code,
        message,
        retryable: errorCodes[code].retryable,
        ...(reason === undefined ? {} : { reason }),
      };
    }
    default:
      throw new Error(`a session's request was answered with ${reply.kind}`);
  }
}
