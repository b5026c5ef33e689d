import type { ResumeCommand } from './commands.ts';
import type { LedgerState } from './ledger-state.ts';
import type { Session } from './records.ts';
import { refused, refuseEnded, superseded } from './replies.ts';
import type { LedgerReply } from './results.ts';
import { endOfUnknown, entriesOf, grantsOf, noteTold, rememberedEnds } from './sessions.ts';
import { viewEntry, viewGrant } from './views.ts';

/**
 * Binds a session to the asking connection (I6): takes no seat, raises the epoch. It is accepted from whoever knows an epoch
 * that the session's last raise gave, in any of its attempts: answers of earlier attempts may have overtaken or been lost.
 * Somebody with an epoch from before that raise is a copy of the client that has been left behind: `SUPERSEDED`.
 */
export function applyResume(state: LedgerState, command: ResumeCommand): LedgerReply {
  const session = state.sessionsById.get(command.session);
  if (session === undefined) {
    const reason = endOfUnknown(state, command.session);
    return reason === undefined
      ? refused('UNKNOWN_SESSION', 'The session is not known here: nothing of it stands.')
      : refuseEnded('The session', reason);
  }
  if (command.secretHash !== session.secretHash) return refused('REFUSED', 'The secret is not that of the session.');
  if (command.request === session.resumeRequest) {
    if (command.attempt < session.resumeAttempt) return superseded;
    // The same copy again, proposed twice by a server: the epoch that it gave still stands.
    if (command.attempt > session.resumeAttempt) raiseEpoch(state, session, command);
    return answer(session);
  }
  if (command.epoch < session.epochFloor || command.epoch > session.epoch) return superseded;
  if (command.epoch === session.epoch) noteTold(state, session);
  raiseEpoch(state, session, command);
  session.epochFloor = session.epoch;
  return answer(session);
}

function raiseEpoch(state: LedgerState, session: Session, { request, attempt }: ResumeCommand): void {
  state.touch(session);
  session.epoch++;
  session.resumeRequest = request;
  session.resumeAttempt = attempt;
  // Only the answer to this raise gives this epoch: who shows it has read the list.
  session.toldSerial = session.untold > 0 ? state.serial : 0;
}

function answer(session: Session): LedgerReply {
  return {
    kind: 'resumed',
    epoch: session.epoch,
    grants: grantsOf(session).map(viewGrant),
    queue: entriesOf(session).map(viewEntry),
    ended: rememberedEnds(session),
  };
}
