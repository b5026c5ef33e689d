import { LicError } from '@lic/interfaces';
import { ByteWriter } from './byte-writer.ts';
import { FrozenView } from './frozen-view.ts';
import { type LedgerState, writeGlobals } from './ledger-state.ts';
import { termsVersion } from './limits.ts';
import { writeRecord } from './record-writer.ts';
import { firstKinds, kinds } from './records.ts';

/** What the first block begins with. */
export const snapshotMagic = 'lic ledger';
/** The layouts of the bytes; docs/ledger.md describes them. The first is written while a server that knows no other may read it. */
export const snapshotFormats = { first: 1, current: 2 } as const;

/** The kinds of records in a snapshot under this ledger version. */
export function kindsOf(format: number): readonly (typeof kinds)[keyof typeof kinds][] {
  return format === snapshotFormats.first ? firstKinds : Object.values(kinds);
}
/** Begins the last block. */
export const endTag = 255;

/** A block is closed at the first record that ends beyond it: about a millisecond's work. */
const blockBytes = 48 * 1024;
/** A chunk, as the contract has it. */
const chunkBytesMax = 256 * 1024;

/** A snapshot under way. */
export interface SnapshotUnderWay extends AsyncIterable<Uint8Array> {
  /** Frees what it keeps; whoever takes chunks after that gets `SNAPSHOT_BROKEN_OFF`. */
  breakOff(): void;
}

/**
 * The state as of the call, in chunks. Only the head is made at once; records are written as chunks are taken, each as it
 * was at the call. `onEnd` is told when it is through, left or broken off.
 */
export function writeSnapshot(state: LedgerState, onEnd: (snapshot: SnapshotUnderWay) => void): SnapshotUnderWay {
  const writer = new ByteWriter(2 * blockBytes);
  writeHead(writer, state);
  const head = writer.take();
  const view = new FrozenView(state);
  const kindsInSnapshot = kindsOf(formatOf(state));
  let isBroken = false;
  const end = () => {
    view.close();
    onEnd(snapshot);
  };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < head.length; at += chunkBytesMax) yield head.subarray(at, at + chunkBytesMax);
      for (const kind of kindsInSnapshot) {
        for (let block = nextBlock(kind); block !== undefined; block = nextBlock(kind)) yield block;
      }
      writer.byte(endTag);
      yield writer.take();
    } finally {
      end();
    }
  }
  const nextBlock = (kind: (typeof kinds)[keyof typeof kinds]): Uint8Array | undefined => {
    if (isBroken)
      throw new LicError('SNAPSHOT_BROKEN_OFF', 'The snapshot was broken off because too many newer ones were begun.', {
        retryable: true,
      });
    for (let record = view.next(kind); record !== undefined; record = view.next(kind)) {
      if (writer.length === 0) writer.byte(kind);
      writeRecord(writer, record);
      if (writer.length >= blockBytes) break;
    }
    return writer.length === 0 ? undefined : writer.take();
  };
  const iterator = chunks();
  const snapshot: SnapshotUnderWay = {
    [Symbol.asyncIterator]: () => iterator,
    breakOff: () => {
      isBroken = true;
      end();
    },
  };
  return snapshot;
}

function writeHead(writer: ByteWriter, state: LedgerState): void {
  writer.text(snapshotMagic);
  writer.uint(formatOf(state));
  writer.text(state.hash());
  for (const kind of kindsOf(formatOf(state))) writer.uint(state.table(kind).size);
  writeGlobals(writer, state);
  writer.text(state.licenseText);
  if (formatOf(state) === snapshotFormats.first) return;
  writer.uint(state.otherTexts.length);
  for (const text of state.otherTexts) writer.text(text);
  writer.text(state.policyText);
  writer.text(state.policyJson);
}

/** Before the terms there is nothing that the first format has no place for. */
function formatOf({ version }: LedgerState): number {
  return version < termsVersion ? snapshotFormats.first : snapshotFormats.current;
}
