import type { Ledger, LedgerEvent, LedgerResult } from '@lic/core';
import type { StateMachine } from '@lic/interfaces';

/** The state hash as it was when a log index had been applied. */
export interface HashNote {
  readonly index: number;
  readonly hash: string;
}

/** Hashes are noted at every multiple of this many log entries (triad.md, I9), and so many of them are kept. */
export const hashNoteEntries = 1_024;
const hashNotesMax = 16;

/** The ledger as consensus runs it: tells the server of every event, and notes hashes for comparison among servers. */
export interface ServerMachine extends StateMachine<LedgerResult> {
  /** Hashes at multiples of {@link hashNoteEntries}, oldest first. */
  hashNotes(): readonly HashNote[];
}

/** Wraps the ledger. `onApplied` is called within `apply`, in log order. */
export function createServerMachine(
  ledger: Ledger,
  onApplied: (index: number, events: readonly LedgerEvent[]) => void,
): ServerMachine {
  let notes: HashNote[] = [];
  let notedIndex = 0;
  return {
    prepare: (command) => ledger.prepare(command),
    apply(index, command) {
      const mark = Math.floor((index - 1) / hashNoteEntries) * hashNoteEntries;
      if (mark > notedIndex) {
        notedIndex = mark;
        notes.push({ index: mark, hash: ledger.hash() });
        if (notes.length > hashNotesMax) notes.shift();
      }
      const result = ledger.apply(index, command);
      onApplied(index, result.events);
      return result;
    },
    snapshot: () => ledger.snapshot(),
    async restore(chunks) {
      await ledger.restore(chunks);
      // Which index the state belongs to is known with the next command; until then there is nothing to note.
      notes = [];
      onApplied(0, []);
    },
    hash: () => ledger.hash(),
    hashNotes: () => notes,
  };
}

/** The newest index at which all servers have a hash, or undefined. */
export function newestCommonIndex(notes: readonly (readonly HashNote[])[]): number | undefined {
  const [first, ...others] = notes;
  return first
    ?.map((note) => note.index)
    .filter((index) => others.every((theirs) => theirs.some((note) => note.index === index)))
    .reduce<number | undefined>(
      (newest, index) => (newest === undefined || index > newest ? index : newest),
      undefined,
    );
}
