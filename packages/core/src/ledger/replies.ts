import type { EndReason, LedgerReply, RefusalCode } from './results.ts';

/** A request that is refused as a whole: nothing was run. */
export function refused(code: RefusalCode, message: string, reason?: EndReason): LedgerReply {
  return reason === undefined ? { kind: 'refused', code, message } : { kind: 'refused', code, message, reason };
}

/** What the request obtained, or its session, has ended. */
export function refuseEnded(what: string, reason: EndReason): LedgerReply {
  return refused('ENDED', `${what} has ended (${reason}): check out anew.`, reason);
}

export const superseded: LedgerReply = refused(
  'SUPERSEDED',
  'A newer connection of this session exists: only that one is served.',
);

/** An administrative or internal command that took no effect, and why. */
export function rejected(code: string, message: string): Extract<LedgerReply, { kind: 'rejected' }> {
  return { kind: 'rejected', code, message };
}

/** An administrative or internal command that took effect. */
export const ok: LedgerReply = { kind: 'ok' };
