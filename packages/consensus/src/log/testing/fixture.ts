import type { LogEntry, LogStore, SnapshotMeta, StoreContents } from '@lic/interfaces';

/** The owner's record in the fixtures of all formats. */
export const fixtureOwner = new TextEncoder().encode('{"incarnation":"fixture"}');

const kinds = ['command', 'noop', 'config'] as const;

function entry(index: number, term: number): LogEntry {
  const kind = kinds[index % 3] ?? 'command';
  const data = new Uint8Array(kind === 'noop' ? 0 : 100 + index).fill(index + term);
  return { index, term, kind, data };
}

function entries(from: number, to: number, term: number): LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entry(from + at, term));
}

function meta(index: number, term: number): SnapshotMeta {
  return { index, term, config: Uint8Array.of(1, 2, 3, index) };
}

/** A snapshot's bytes. */
export function fixtureSnapshot(index: number): Uint8Array {
  return new Uint8Array(1_000).map((_, at) => (at * index) % 251);
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}

/**
 * Everything that a format can say: votes, all kinds of entries, replaced ones, several segments, compaction, two snapshots, an owner. What the code
 * of a format's time made of it, in segments of 8 KiB and closed in order, lies in `fixtures/format-<version>` and is never made again.
 */
export async function fillFixture(store: LogStore): Promise<void> {
  await store.saveOwner(fixtureOwner);
  await store.write({ vote: { term: 1, votedFor: 'ed25519:a' }, entries: entries(1, 20, 1) });
  await store.saveSnapshot(meta(10, 1), chunks(fixtureSnapshot(10)));
  await store.write({ entries: entries(21, 45, 1) });
  await store.saveSnapshot(meta(30, 1), chunks(fixtureSnapshot(30)));
  await store.compact(30);
  await store.write({ vote: { term: 2, votedFor: null }, entries: entries(41, 60, 2) });
  await store.write({ vote: { term: 3, votedFor: 'ed25519:b' } });
  await store.write({ entries: [entry(61, 3)] });
}

/** What must be found in the fixture, whatever the format; of the entries those behind the reserve. */
export const fixtureContents: StoreContents = {
  vote: { term: 3, votedFor: 'ed25519:b' },
  snapshot: meta(30, 1),
  entries: [...entries(11, 40, 1), ...entries(41, 60, 2), entry(61, 3)],
  damage: undefined,
};
