import { applyDrain, applyInstall, applyOpen, applyOpened, applyRaiseVersion, applyRecover } from './administration.ts';
import { applyAcceptBorrow, applyReturn } from './borrow-requests.ts';
import type { LedgerCommand } from './commands.ts';
import type { LedgerState } from './ledger-state.ts';
import { advanceTime } from './license-time.ts';
import { applyPolicy } from './policy-change.ts';
import { ok, rejected } from './replies.ts';
import type { LedgerReply, LedgerResult } from './results.ts';
import { applyResume } from './resume.ts';
import { applyRequest } from './session-requests.ts';
import { applyAssign, applyDisconnect, applyReclaim, applyRevoke, applySettle, serveOffers } from './upkeep.ts';

/** What comes of every other command before the ledger is open. */
export const notFormed = rejected('NOT_FORMED', 'The first command opens the ledger: there is no license yet.');

/** Applies one command to the state: license time first, then what it asks for. Pure but for the state. */
export function applyCommand(state: LedgerState, command: LedgerCommand): LedgerResult {
  const reply = command.kind === 'open' ? applyOpen(state, command) : applyFormed(state, command);
  serveOffers(state);
  return { reply, events: state.settle() };
}

function applyFormed(state: LedgerState, command: Exclude<LedgerCommand, { kind: 'open' }>): LedgerReply {
  if (state.license === null) return notFormed;
  advanceTime(state, command.at);
  switch (command.kind) {
    case 'checkout':
    case 'cancel':
    case 'checkin':
    case 'goodbye':
    case 'acknowledge':
    case 'borrow':
      return applyRequest(state, command);
    case 'resume':
      return applyResume(state, command);
    case 'assign':
      return applyAssign(state, command);
    case 'reclaim':
      return applyReclaim(state, command);
    case 'settle':
      return applySettle(state, command);
    case 'disconnect':
      return applyDisconnect(state, command);
    case 'revoke':
      return applyRevoke(state, command);
    case 'acceptBorrow':
      return applyAcceptBorrow(state, command);
    case 'return':
      return applyReturn(state, command);
    case 'policy':
      return applyPolicy(state, command);
    case 'opened':
      return applyOpened(state);
    case 'recover':
      return applyRecover(state);
    case 'install':
      return applyInstall(state, command);
    case 'drain':
      return applyDrain(state, command);
    case 'raiseVersion':
      return applyRaiseVersion(state, command);
    // Moving license time on was all they are for; that a leap was accepted shows in the stamps from here on.
    case 'tick':
    case 'acceptTime':
      return ok;
  }
}
