import type { ConfiguredMember, LogEntry, PeerId } from '@lic/interfaces';
import type { WriteRequest } from '../core/inputs.ts';
import type { Message } from '../core/messages.ts';
import { decodeConfiguration } from '../wire/configuration.ts';

/** A configuration as text: `a b c-2 (d)`. An incarnation is left out where it is `<id>-1`; learners are in brackets. */
export function membersText(members: readonly ConfiguredMember[]): string {
  return members
    .map(({ id, incarnation, voter }) => {
      const name =
        incarnation === `${id}-1` ? id : incarnation.startsWith(`${id}-`) ? incarnation : `${id}:${incarnation}`;
      return voter ? name : `(${name})`;
    })
    .join(' ');
}

/** An entry as text: term and index, then what it is where that is more: `2.7`, `2.7 noop`, `2.7 "x"`, `2.7 config [a b (c)]`. */
export function entryText({ index, term, kind, data }: LogEntry): string {
  const place = `${term}.${index}`;
  if (kind === 'noop') return `${place} noop`;
  if (kind === 'config') return `${place} config [${membersText(decodeConfiguration(data))}]`;
  const text = Buffer.from(data).toString();
  return text === place ? place : `${place} ${JSON.stringify(text)}`;
}

/** Entries as text. */
export function entriesText(entries: readonly LogEntry[]): string {
  return `[${entries.map(entryText).join(', ')}]`;
}

/** A write as text: only what it writes. */
export function writeText({ reset, vote, entries }: WriteRequest): string {
  const parts: string[] = [];
  if (reset !== null) parts.push(`reset to ${reset.term}.${reset.index}`);
  if (vote !== null) parts.push(`term=${vote.term} votedFor=${vote.votedFor ?? '-'}`);
  if (entries.length > 0) parts.push(entriesText(entries));
  return parts.join(' ');
}

/** Everything about a message that a reader of a trace wants to know, in one line. */
export function messageText(message: Message): string {
  const { type, term } = message;
  switch (type) {
    case 'preVote':
    case 'vote': {
      const transfer = type === 'vote' && message.transfer ? ' transfer' : '';
      return `${type} term=${term} last=${message.lastTerm}.${message.lastIndex}${transfer}`;
    }
    case 'preVoteReply':
    case 'voteReply': {
      const why = message.leader === null ? '' : ` leader=${message.leader}`;
      return `${type} term=${term} asked=${message.asked} ${message.granted ? 'granted' : 'refused'}${why}`;
    }
    case 'append': {
      const entries = message.entries.length === 0 ? '' : ` ${entriesText(message.entries)}`;
      const probe = message.probe ? ' probe' : '';
      return `append term=${term} prev=${message.prevTerm}.${message.prevIndex} commit=${message.commit}${probe}${entries}`;
    }
    case 'appendReply':
      return `appendReply term=${term} match=${message.match}`;
    case 'appendRefused':
      return `appendRefused term=${term} prev=${message.prevIndex} hint=${message.hintTerm}.${message.hintIndex}`;
    case 'round':
      return `round term=${term} round=${message.round} commit=${message.commit}`;
    case 'roundReply':
      return `roundReply term=${term} round=${message.round}`;
    case 'snapshot':
      return `snapshot term=${term} at=${message.meta.term}.${message.meta.index}`;
    case 'snapshotReply':
      return `snapshotReply term=${term} index=${message.index} ${message.ok ? 'ok' : 'failed'}`;
    case 'witnessAnswer': {
      const { known } = message;
      return `witnessAnswer term=${term} known=${known === null ? 'nothing' : `${known.term}/${known.entryTerm}.${known.index}`}`;
    }
    default:
      return `${type} term=${term}`;
  }
}

/** The same with who sent it and whom it is for. */
export function transitText({ from, to, message }: { from: PeerId; to: PeerId; message: Message }): string {
  return `${from}->${to} ${messageText(message)}`;
}
