import { crc32 } from 'node:zlib';
import {
  errorMessage,
  LicError,
  type Logger,
  type LogStore,
  type PeerId,
  type Runtime,
  type SnapshotMeta,
  type Timer,
} from '@lic/interfaces';
import type { SnapshotChunk, SnapshotReply } from '../core/messages.ts';
import { SNAPSHOT_SILENCE_MAX_MS } from './snapshot-sender.ts';

/** What a {@link SnapshotReceiver} needs, and whom it tells. */
export interface SnapshotReceiverParts {
  readonly store: LogStore;
  readonly runtime: Runtime;
  readonly logger: Logger;
  reply(to: PeerId, reply: SnapshotReply): void;
  /** The snapshot is complete and on disk. */
  onReceived(meta: SnapshotMeta): void;
}

interface Incoming {
  readonly from: PeerId;
  readonly meta: SnapshotMeta;
  readonly pieces: Pieces;
  /** The next piece. */
  expected: number;
  /** The last piece that the disk has; -1: none yet. */
  taken: number;
  checksum: number;
  isComplete: boolean;
}

/**
 * Takes a snapshot from the leader, piece by piece, straight onto the disk. A link that breaks, or a piece that is lost, costs no more than the
 * pieces under way: the same snapshot from the same leader goes on where it was.
 */
export class SnapshotReceiver {
  readonly #parts: SnapshotReceiverParts;
  #incoming: Incoming | undefined;
  /** The store has not answered yet. Another snapshot must not overtake: the log is begun behind the newest one. */
  #isSaving = false;
  #silence: Timer | undefined;

  constructor(parts: SnapshotReceiverParts) {
    this.#parts = parts;
  }

  /** A piece from the server that leads now. `isNews`: it is beyond what is committed here. */
  onChunk(from: PeerId, chunk: SnapshotChunk, isNews: boolean): void {
    const { meta, sequence } = chunk;
    if (sequence === 0 && !isNews) {
      this.abort('it brings nothing new any more');
      this.#parts.onReceived(meta);
      this.refuse(from, chunk);
      return;
    }
    if (!isSame(this.#incoming, from, meta)) {
      if (sequence === 0) this.abort('another one is sent');
      if (sequence !== 0 || this.#isSaving) {
        this.refuse(from, chunk);
        return;
      }
      this.#begin(from, chunk);
    }
    this.#take(this.#incoming!, chunk);
  }

  /** What has come so far is void. */
  abort(why: string): void {
    this.#silence?.cancel();
    this.#incoming?.pieces.fail(new LicError('SNAPSHOT_INVALID', `A snapshot was not received: ${why}.`));
    this.#incoming = undefined;
  }

  /** Gives up what came from another server than the one that leads now; while nobody does it may yet go on. */
  onLeader(leader: PeerId | null): void {
    if (this.#incoming === undefined || leader === null || leader === this.#incoming.from) return;
    this.abort('its sender leads no more');
  }

  /** Answers that this piece is not taken: the leader begins anew after an election timeout. */
  refuse(to: PeerId, { term, meta, sequence }: SnapshotChunk): void {
    this.#parts.reply(to, { type: 'snapshotReply', term, index: meta.index, sequence, ok: false });
  }

  #take(incoming: Incoming, chunk: SnapshotChunk): void {
    const { sequence, checksum, data } = chunk;
    if (sequence < incoming.expected) {
      // The sender does not know how far it had come: all that the disk has is never sent again.
      if (incoming.taken >= sequence) this.#acknowledge(incoming, chunk.term, incoming.taken);
      return;
    }
    // One that is missing, and what follows it, is sent again.
    if (sequence > incoming.expected || incoming.isComplete) return;
    this.#listen();
    if (checksum === null) {
      incoming.expected += 1;
      incoming.checksum = crc32(data, incoming.checksum);
      incoming.pieces.push(data);
    } else if (checksum === incoming.checksum) {
      incoming.isComplete = true;
      this.#silence?.cancel();
      incoming.pieces.end();
    } else this.abort('its checksum is wrong');
  }

  #acknowledge({ from, meta }: Incoming, term: number, sequence: number, ok = true): void {
    this.#parts.reply(from, { type: 'snapshotReply', term, index: meta.index, sequence, ok });
  }

  /** A sender that is silent for so long does not come back: the store waits for its next piece, and nothing else can be saved. */
  #listen(): void {
    this.#silence?.cancel();
    this.#silence = this.#parts.runtime.setTimer(SNAPSHOT_SILENCE_MAX_MS, () => this.abort('its sender is silent'));
  }

  #begin(from: PeerId, { term, meta }: SnapshotChunk): void {
    const { store, logger, onReceived } = this.#parts;
    const pieces = new Pieces((sequence) => {
      incoming.taken = sequence;
      this.#acknowledge(incoming, term, sequence);
    });
    const incoming: Incoming = { from, meta, pieces, expected: 0, taken: -1, checksum: 0, isComplete: false };
    this.#incoming = incoming;
    logger.info('a snapshot is being received', { from, index: meta.index });
    this.#isSaving = true;
    const end = () => {
      this.#isSaving = false;
      if (this.#incoming !== incoming) return;
      this.#silence?.cancel();
      this.#incoming = undefined;
    };
    store.saveSnapshot(meta, pieces.all()).then(
      () => {
        end();
        onReceived(meta);
        this.#acknowledge(incoming, term, incoming.expected);
      },
      (error: unknown) => {
        end();
        logger.warn('a snapshot was not received', { from, index: meta.index, why: errorMessage(error) });
        this.#acknowledge(incoming, term, incoming.expected, false);
      },
    );
  }
}

function isSame(incoming: Incoming | undefined, from: PeerId, meta: SnapshotMeta): boolean {
  return incoming?.from === from && incoming.meta.index === meta.index && incoming.meta.term === meta.term;
}

/** Pieces between the link and the disk: few, since each is acknowledged only when the disk asks for the next one. */
class Pieces {
  readonly #onTaken: (sequence: number) => void;
  readonly #waiting: Uint8Array[] = [];
  #isComplete = false;
  #error: LicError | undefined;
  #wake: (() => void) | undefined;

  constructor(onTaken: (sequence: number) => void) {
    this.#onTaken = onTaken;
  }

  push(data: Uint8Array): void {
    this.#waiting.push(data);
    this.#wake?.();
  }

  end(): void {
    this.#isComplete = true;
    this.#wake?.();
  }

  fail(error: LicError): void {
    this.#error = error;
    this.#wake?.();
  }

  async *all(): AsyncGenerator<Uint8Array> {
    for (let sequence = 0; ; ) {
      if (this.#error !== undefined) throw this.#error;
      const data = this.#waiting.shift();
      if (data !== undefined) {
        yield data;
        this.#onTaken(sequence);
        sequence += 1;
        continue;
      }
      if (this.#isComplete) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
