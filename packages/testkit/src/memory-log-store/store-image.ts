import type { LogEntry, LogWrite, SnapshotMeta, StoreContents, StoreDamage, Vote } from '@lic/interfaces';

/** A snapshot as it lies on the disk. */
export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly chunks: readonly Uint8Array[];
  /** Its hash does not match any more. */
  isDamaged: boolean;
}

/** What is durable on a {@link MemoryDisk}. Entries and chunks in it are never changed, so a shallow copy is a copy. */
export interface StoreImage {
  vote: Vote;
  /** The entry before the first of `entries`. */
  base: { readonly index: number; readonly term: number };
  entries: LogEntry[];
  /** Newest first; the second is the reserve. */
  snapshots: StoredSnapshot[];
  owner: Uint8Array | undefined;
  /** What was lost of it: all entries from an index on. */
  damage: (StoreDamage & { readonly lostFromIndex: number }) | undefined;
}

/** An indivisible change of the image: a crash keeps or loses it as a whole. */
export type ImageStep = (image: StoreImage) => void;

/** What a new disk holds. */
export function emptyImage(): StoreImage {
  return {
    vote: { term: 0, votedFor: null },
    base: { index: 0, term: 0 },
    entries: [],
    snapshots: [],
    owner: undefined,
    damage: undefined,
  };
}

/** A copy that later changes of `image` don't reach. */
export function copyImage(image: StoreImage): StoreImage {
  return {
    ...image,
    entries: [...image.entries],
    snapshots: image.snapshots.map((snapshot) => ({ ...snapshot })),
  };
}

/** The index of the last entry, or of the one that the log begins behind. */
export function lastIndexOf(image: StoreImage): number {
  return image.base.index + image.entries.length;
}

/** One step for the vote, one for each entry: a torn write keeps a prefix of them. Bytes are copied, as a disk would. */
export function stepsOfWrite(write: LogWrite): ImageStep[] {
  const steps: ImageStep[] = [];
  const { vote, entries = [] } = write;
  if (vote !== undefined) {
    const kept: Vote = { term: vote.term, votedFor: vote.votedFor };
    steps.push((image) => {
      image.vote = kept;
    });
  }
  for (const entry of entries) {
    const kept: LogEntry = { index: entry.index, term: entry.term, kind: entry.kind, data: entry.data.slice() };
    steps.push((image) => {
      image.entries.length = kept.index - image.base.index - 1;
      image.entries.push(kept);
    });
  }
  return steps;
}

/** Drops entries through `throughIndex`, but none that the reserve snapshot would need if the newest were damaged. */
export function compactImage(image: StoreImage, throughIndex: number): void {
  const reserve = image.snapshots[1];
  const through = Math.min(throughIndex, reserve === undefined ? throughIndex : reserve.meta.index, lastIndexOf(image));
  const dropped = through - image.base.index;
  if (dropped <= 0) return;
  image.base = { index: through, term: (image.entries[dropped - 1] as LogEntry).term };
  image.entries.splice(0, dropped);
}

/** Begins the log anew behind `meta`. A reserve is worth nothing from then on: no log leads from it to here. */
export function resetImage(image: StoreImage, meta: SnapshotMeta): void {
  image.base = { index: meta.index, term: meta.term };
  image.entries = [];
  image.snapshots.length = Math.min(image.snapshots.length, 1);
}

/** What `open` gives; brings the image in order first where a crash came between `saveSnapshot` and `resetTo`. */
export function openImage(image: StoreImage): StoreContents {
  const valid = image.snapshots.findIndex((snapshot) => !snapshot.isDamaged);
  const snapshot = image.snapshots[valid];
  const reaches = image.base.index <= (snapshot?.meta.index ?? 0);
  if (image.damage === undefined && !reaches) {
    image.damage = {
      file: 'memory/snapshot',
      offset: 0,
      what: `No valid snapshot reaches the log, which begins behind entry ${image.base.index}.`,
      lostFromIndex: 0,
    };
  }
  if (image.damage === undefined) {
    if (valid > 0) image.snapshots.splice(0, valid);
    if (snapshot !== undefined && !containsEntry(image, snapshot.meta)) resetImage(image, snapshot.meta);
  }
  const { lostFromIndex = Infinity, ...damage } = image.damage ?? {};
  return {
    vote: image.vote,
    snapshot: snapshot?.meta,
    entries: reaches ? image.entries.filter(({ index }) => index < lostFromIndex) : [],
    damage: 'what' in damage ? damage : undefined,
  };
}

/** Keeps of a damaged image what {@link openImage} gives. */
export function salvageImage(image: StoreImage): void {
  const { entries, snapshot } = openImage(image);
  image.damage = undefined;
  image.snapshots = image.snapshots.filter(({ isDamaged }) => !isDamaged);
  image.entries = [...entries];
  const newest = snapshot ?? { index: 0, term: 0 };
  if (image.base.index > newest.index) image.base = newest;
}

/** Raft paper, figure 13, step 6: what follows the snapshot's last entry stays only where that entry is the log's own. */
function containsEntry(image: StoreImage, meta: SnapshotMeta): boolean {
  if (meta.index === image.base.index) return meta.term === image.base.term;
  return image.entries[meta.index - image.base.index - 1]?.term === meta.term;
}
