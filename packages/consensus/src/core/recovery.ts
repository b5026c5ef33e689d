import type { LogEntry, Member, SnapshotMeta, Vote } from '@lic/interfaces';
import { encodeConfiguration } from '../wire/configuration.ts';
import { currentVote, type RaftStart, storedConfigurations, storedLog } from './initial-state.ts';
import { lastIndex } from './log.ts';

/** What `lic recover` puts on disk before the server takes part again. */
export interface RecoveryWrite {
  /** First of all: the log is to begin behind this snapshot. */
  readonly reset: SnapshotMeta | null;
  readonly vote: Vote;
  readonly entry: LogEntry;
}

/**
 * Makes `self` the only member, whatever the log says, in a term of which it has the vote itself: nobody else can lead there. What the log
 * held uncommitted stays, and is committed with it. Null where that was done already.
 */
export function recoveryWrite(
  self: Member,
  start: Pick<RaftStart, 'vote' | 'snapshot' | 'entries' | 'members'>,
): RecoveryWrite | null {
  const only = { ...self, voter: true };
  const { members } = storedConfigurations(start).at(-1)!;
  const [member] = members;
  if (members.length === 1 && member!.id === self.id && member!.incarnation === self.incarnation && member!.voter)
    return null;
  const log = storedLog(start);
  const term = currentVote(start.vote, log).term + 1;
  return {
    reset: log.resetTo,
    vote: { term, votedFor: self.id },
    entry: { index: lastIndex(log) + 1, term, kind: 'config', data: encodeConfiguration([only]) },
  };
}
