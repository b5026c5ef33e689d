import { crc32 } from 'node:zlib';
import { errorMessage, LicError, type Logger, type LogStore, type PeerId, type SnapshotMeta } from '@lic/interfaces';
import type { SnapshotChunk, SnapshotReply } from '../core/messages.ts';

/** What a {@link SnapshotReceiver} tells. */
export interface SnapshotReceiverEvents {
  reply(to: PeerId, reply: SnapshotReply): void;
  /** The snapshot is complete and on disk. */
  onReceived(meta: SnapshotMeta): void;
}

interface Incoming {
  readonly from: PeerId;
  readonly meta: SnapshotMeta;
  readonly pieces: Pieces;
  expected: number;
  checksum: number;
}

/** Takes a snapshot from the leader, piece by piece, straight onto the disk. */
export class SnapshotReceiver {
  readonly #store: LogStore;
  readonly #logger: Logger;
  readonly #events: SnapshotReceiverEvents;
  #incoming: Incoming | undefined;
  /** The store has not answered yet. Another snapshot must not overtake: the log is begun behind the newest one. */
  #isSaving = false;

  constructor(store: LogStore, logger: Logger, events: SnapshotReceiverEvents) {
    this.#store = store;
    this.#logger = logger;
    this.#events = events;
  }

  /** A piece from the server that leads now. `isNews`: it is beyond what is committed here. */
  onChunk(from: PeerId, chunk: SnapshotChunk, isNews: boolean): void {
    const { meta, sequence } = chunk;
    if (sequence === 0) {
      this.abort('the leader began anew');
      if (!isNews) {
        this.#events.onReceived(meta);
        this.refuse(from, chunk);
        return;
      }
      if (this.#isSaving) {
        this.refuse(from, chunk);
        return;
      }
      this.#begin(from, chunk);
    }
    const incoming = this.#incoming;
    if (incoming?.from !== from || incoming.meta.index !== meta.index || incoming.expected !== sequence) {
      if (incoming?.from === from) this.abort('a piece is missing');
      this.refuse(from, chunk);
      return;
    }
    incoming.expected += 1;
    if (chunk.checksum === null) {
      incoming.checksum = crc32(chunk.data, incoming.checksum);
      incoming.pieces.push(chunk.data);
    } else if (chunk.checksum === incoming.checksum) incoming.pieces.end();
    else this.abort('its checksum is wrong');
  }

  /** What has come so far is void: the leader's link is gone, or another leads. */
  abort(why: string): void {
    this.#incoming?.pieces.fail(new LicError('SNAPSHOT_INVALID', `A snapshot was not received: ${why}.`));
    this.#incoming = undefined;
  }

  /** Gives up what comes from `peer`. */
  onLinkDown(peer: PeerId): void {
    if (this.#incoming?.from === peer) this.abort('the link to the leader closed');
  }

  /** Gives up what came from another server than the one that leads now: it would wait for its end for ever. */
  onLeader(leader: PeerId | null): void {
    if (this.#incoming !== undefined && this.#incoming.from !== leader) this.abort('its sender leads no more');
  }

  /** Answers that this piece is not taken: the leader begins anew after an election timeout. */
  refuse(to: PeerId, { term, meta, sequence }: SnapshotChunk): void {
    this.#events.reply(to, { type: 'snapshotReply', term, index: meta.index, sequence, ok: false });
  }

  #begin(from: PeerId, { term, meta }: SnapshotChunk): void {
    const reply = (sequence: number, ok: boolean) =>
      this.#events.reply(from, { type: 'snapshotReply', term, index: meta.index, sequence, ok });
    const pieces = new Pieces((sequence) => reply(sequence, true));
    const incoming: Incoming = { from, meta, pieces, expected: 0, checksum: 0 };
    this.#incoming = incoming;
    this.#logger.info('a snapshot is being received', { from, index: meta.index });
    this.#isSaving = true;
    this.#store.saveSnapshot(meta, pieces.all()).then(
      () => {
        this.#isSaving = false;
        if (this.#incoming === incoming) this.#incoming = undefined;
        this.#events.onReceived(meta);
        reply(incoming.expected - 1, true);
      },
      (error: unknown) => {
        this.#isSaving = false;
        if (this.#incoming === incoming) this.#incoming = undefined;
        this.#logger.warn('a snapshot was not received', { from, index: meta.index, why: errorMessage(error) });
        reply(incoming.expected, false);
      },
    );
  }
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
