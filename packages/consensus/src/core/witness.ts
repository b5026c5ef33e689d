import { absentIncarnation, type ConfiguredMember, type PeerId } from '@lic/interfaces';
import { termAt } from './log.ts';
import { configuration, quorumSize } from './membership.ts';
import type { Acknowledged, WitnessAnswer, WitnessQuestion } from './messages.ts';
import { linkTo, send } from './outbox.ts';
import { mute } from './roles.ts';
import type { Raft, StoredLog } from './state.ts';

/** Remembers what a member has said to be on its disk; the newest counts, and only of its newest incarnation. */
export function noteAcknowledged(raft: Raft, about: Acknowledged): void {
  const { witnessed } = raft.state;
  if (about.id === raft.config.self.id) return;
  const known = witnessed.get(about.id);
  const isNewer =
    known === undefined ||
    known.incarnation !== about.incarnation ||
    about.term > known.term ||
    (about.term === known.term && about.index > known.index);
  if (isNewer) witnessed.set(about.id, about);
}

/** What a leader tells with its rounds: each member's acknowledged index, its own disk's among them. */
export function acknowledgedByAll(raft: Raft): Acknowledged[] {
  const { state, config } = raft;
  const { durableTo } = state.log;
  const all = [
    { ...config.self, term: state.term, index: durableTo, entryTerm: Math.max(0, termAt(state.log, durableTo)) },
  ];
  for (const [id, { incarnation, match }] of state.peers) {
    // Only an append is acknowledged by the disk; a round, and with it the term, is not.
    if (match === 0) continue;
    all.push({ id, incarnation, term: state.term, index: match, entryTerm: Math.max(0, termAt(state.log, match)) });
  }
  return all;
}

/** A starting server asks what it has said before it was started. */
export function onWitnessQuestion(raft: Raft, from: PeerId, message: WitnessQuestion): void {
  const known = raft.state.witnessed.get(from);
  send(raft, from, {
    type: 'witnessAnswer',
    term: raft.state.term,
    known: known?.incarnation === message.incarnation ? known : null,
  });
}

/** A peer says what it knows of this server. One that knows more than the disk has shows that the disk is an older copy (I8). */
export function onWitnessAnswer(raft: Raft, from: PeerId, message: WitnessAnswer): void {
  const { state } = raft;
  if (message.known !== null && isForgotten(raft, message.known)) mute(raft, 'rolledBack');
  state.toAsk.delete(from);
  prove(raft);
}

/** Whether the disk lacks something that this server once said to be on it. In one term nothing that was acknowledged is taken back. */
function isForgotten(raft: Raft, known: Acknowledged): boolean {
  const { state, config } = raft;
  if (known.id !== config.self.id || known.incarnation !== config.self.incarnation) return false;
  if (known.term < state.provedTerm) return isMissing(state.stored, known);
  // It may be of this life. Of the terms since it voted first this server knows all that it has said itself.
  const onDisk = Math.max(state.log.durableTo, state.snapshot?.index ?? 0);
  return known.term > state.term || (known.term === state.term && known.index > onDisk);
}

/** Whether the stored log is not one that `known` could have been said of. */
function isMissing(stored: StoredLog, known: Acknowledged): boolean {
  if (known.term !== stored.term) return known.term > stored.term;
  if (known.index > stored.last) return true;
  const term = stored.terms.findLast((each) => each.from <= known.index)?.term;
  return term !== undefined && known.entryTerm > 0 && term !== known.entryTerm;
}

/** Who among `members` can know what this server has said: the other voters. */
export function witnesses(members: readonly ConfiguredMember[], self: PeerId): PeerId[] {
  const found: PeerId[] = [];
  for (const { id, incarnation, voter } of members) {
    if (voter && id !== self && incarnation !== absentIncarnation) found.push(id);
  }
  return found;
}

/**
 * Who comes to be a voter before enough have answered is to be asked as well. Who goes meanwhile is asked all the same: a leader of the past
 * may have removed the very one that knows better.
 */
export function askAlso({ config, state }: Raft, members: readonly ConfiguredMember[]): void {
  if (state.isProved) return;
  const before = witnesses(configuration(state).members, config.self.id);
  for (const id of witnesses(members, config.self.id)) if (!before.includes(id)) state.toAsk.add(id);
}

/** Asks the peers that have not answered yet, those whose link is up. */
export function askWitnesses(raft: Raft): void {
  const { state, config } = raft;
  state.askedWitnessesAt = state.now;
  for (const id of state.toAsk) {
    if (linkTo(state, id).up)
      send(raft, id, { type: 'witnessQuestion', term: state.term, incarnation: config.self.incarnation });
  }
}

/** The server may vote and acknowledge once all peers have answered; or a quorum, itself included, and the others had time enough. */
export function prove(raft: Raft): void {
  const { state, config } = raft;
  if (state.isProved) return;
  const known = witnesses(configuration(state).members, config.self.id);
  const answered = known.filter((id) => !state.toAsk.has(id)).length;
  const isEnough = answered >= quorumSize(state) - 1 && state.now >= state.provingUntil;
  if (state.toAsk.size > 0 && !isEnough) return;
  state.isProved = true;
  state.provedTerm = state.term;
}
