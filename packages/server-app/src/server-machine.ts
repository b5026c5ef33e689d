import type { Ledger, LedgerEvent, LedgerResult } from '@lic/core';
import type { Logger, StateMachine } from '@lic/interfaces';

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

/** What the server does as the ledger changes. */
export interface ServerMachineHooks {
  /** Called within `apply`, in log order. */
  onApplied(events: readonly LedgerEvent[]): void;
  /** A snapshot has taken the state's place. */
  onRestored(): void;
}

/** Wraps the ledger. What a hook throws is a bug: it is logged, and the log is applied all the same. */
export function createServerMachine(ledger: Ledger, logger: Logger, hooks: ServerMachineHooks): ServerMachine {
  let notes: HashNote[] = [];
  let notedIndex = 0;
  let isIndexKnown = true;

  const note = (index: number): void => {
    const mark = Math.floor((index - 1) / hashNoteEntries) * hashNoteEntries;
    if (mark > notedIndex && isIndexKnown) {
      notes.push({ index: mark, hash: ledger.hash() });
      if (notes.length > hashNotesMax) notes.shift();
    }
    notedIndex = Math.max(notedIndex, mark);
    isIndexKnown = true;
  };
  const tell = (hook: () => void): void => {
    try {
      hook();
    } catch (error) {
      logger.error('what was applied could not be told', { err: error });
    }
  };
  return {
    prepare: (command) => ledger.prepare(command),
    apply(index, command) {
      note(index);
      const result = ledger.apply(index, command);
      tell(() => hooks.onApplied(result.events));
      return result;
    },
    snapshot: () => ledger.snapshot(),
    async restore(chunks) {
      await ledger.restore(chunks);
      // A snapshot may be of any index behind the last mark: its hash is not that mark's.
      notes = [];
      isIndexKnown = false;
      tell(() => hooks.onRestored());
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
