import type { LogEntry, LogWrite, SnapshotMeta, StoreContents, Vote } from '@lic/interfaces';
import type { SeededRandom } from '@lic/testkit';

/** What a log should hold: a model of the contract of `LogStore`. Entries in front of the newest snapshot stay in it. */
export interface LogModel {
  readonly vote: Vote;
  readonly baseIndex: number;
  readonly entries: readonly LogEntry[];
}

/** A new log. */
export const emptyLog: LogModel = { vote: { term: 0, votedFor: null }, baseIndex: 0, entries: [] };

/** The index of the last entry. */
export function lastIndexOf({ baseIndex, entries }: LogModel): number {
  return baseIndex + entries.length;
}

/** What a log comes to by a write. */
export function written(model: LogModel, { vote, entries = [] }: LogWrite): LogModel {
  const first = entries[0]?.index ?? lastIndexOf(model) + 1;
  return {
    vote: vote ?? model.vote,
    baseIndex: model.baseIndex,
    entries: [...model.entries.slice(0, first - model.baseIndex - 1), ...entries],
  };
}

/** One line for an entry with all that tells it from others. */
export function entryLine({ index, term, kind, data }: LogEntry): string {
  return `${index}@${term}${kind[0]}${data.byteLength}:${data[0] ?? '-'}:${data.at(-1) ?? '-'}`;
}

/** One line for everything that counts: what is not after the snapshot may be there or not. */
export function logLine({ vote, entries }: Pick<StoreContents, 'vote' | 'entries'>, afterIndex: number): string {
  const list = entries.filter(({ index }) => index > afterIndex).map(entryLine);
  return `${vote.term}/${vote.votedFor} ${list.join(' ')}`;
}

/** A write as consensus may make it: never below the newest snapshot. */
export function drawWrite(random: SeededRandom, model: LogModel, snapshotIndex: number): LogWrite {
  const last = lastIndexOf(model);
  const term = Math.max(1, model.vote.term);
  const vote = random.chance(0.3)
    ? { term: term + random.between(1, 2), votedFor: random.chance(0.5) ? 'ed25519:abc' : null }
    : undefined;
  if (vote !== undefined && random.chance(0.3)) return { vote };
  const lowest = Math.min(Math.max(snapshotIndex, model.baseIndex) + 1, last + 1);
  const first = random.chance(0.15) ? random.between(lowest, last + 1) : last + 1;
  const entries = Array.from({ length: random.between(1, 4) }, (_, at): LogEntry => {
    const bytes = random.chance(0.04) ? random.between(1_000, 20_000) : random.between(0, 200);
    const data = new Uint8Array(bytes).fill(random.between(0, 255));
    return { index: first + at, term, kind: random.pick(['command', 'command', 'noop', 'config']), data };
  });
  return vote === undefined ? { entries } : { vote, entries };
}

/** The bytes of a snapshot: its index and term tell them. */
export function snapshotBytes({ index, term }: SnapshotMeta): Uint8Array {
  return new Uint8Array((index * 397 + term * 31) % 3_000).fill((index + term) & 0xff);
}

/** Those bytes in a few chunks. */
export async function* snapshotChunks(meta: SnapshotMeta): AsyncGenerator<Uint8Array> {
  const bytes = snapshotBytes(meta);
  for (let at = 0; at < bytes.byteLength; at += 1_000) {
    await Promise.resolve();
    yield bytes.subarray(at, at + 1_000);
  }
}
