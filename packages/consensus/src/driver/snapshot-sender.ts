import { crc32 } from 'node:zlib';
import { errorMessage, type LogStore, type PeerId, type PeerLink, type Runtime, type Timer } from '@lic/interfaces';
import type { SnapshotReply } from '../core/messages.ts';
import { encodeMessage } from '../wire/codec.ts';

/** Pieces under way to one peer at most; each has at most 256 KiB, and is kept until the peer's disk has it. */
export const SNAPSHOT_CHUNKS_IN_FLIGHT_MAX = 4;
/** A receiver that takes no piece for so long is given up. Milliseconds. */
export const SNAPSHOT_SILENCE_MAX_MS = 10_000;
/** What was not acknowledged for so long is sent again. Milliseconds. */
export const SNAPSHOT_RESEND_MS = 2_000;

/** What one {@link SnapshotSender} needs. */
export interface SnapshotSenderParts {
  readonly store: LogStore;
  readonly runtime: Runtime;
  readonly link: PeerLink;
  /** The leader's term. */
  readonly term: number;
  /** The peer has it on disk. */
  onSent(index: number): void;
  onFailed(why: string): void;
}

/**
 * Brings the newest stored snapshot to one peer, no faster than the peer's disk takes it. The answer to the first piece says how far the peer
 * has come with this very snapshot before: what its disk has is left out. Ends with one event.
 */
export class SnapshotSender {
  readonly peer: PeerId;
  readonly #parts: SnapshotSenderParts;
  #isOver = false;
  /** The snapshot's index, once it is open. */
  index = 0;
  #taken = -1;
  #underWay: { readonly sequence: number; readonly frame: Uint8Array }[] = [];
  #wake: (() => void) | undefined;
  #heardAt: number;
  #timer: Timer | undefined;

  constructor(parts: SnapshotSenderParts) {
    this.#parts = parts;
    this.peer = parts.link.peer;
    this.#heardAt = parts.runtime.monotonic();
    this.#arm();
    this.#send().catch((error: unknown) => this.fail(errorMessage(error)));
  }

  /** An answer of the peer. */
  onReply(reply: SnapshotReply): void {
    if (this.#isOver || reply.index !== this.index) return;
    if (!reply.ok) {
      this.fail('the peer refused it');
      return;
    }
    if (reply.sequence > this.#taken) {
      this.#taken = reply.sequence;
      this.#underWay = this.#underWay.filter(({ sequence }) => sequence > reply.sequence);
      this.#heardAt = this.#parts.runtime.monotonic();
      this.#arm();
      this.#wake?.();
    }
  }

  /** Gives up: the link is gone, the term is over, this server stops. */
  fail(why: string): void {
    if (this.#finish()) this.#parts.onFailed(why);
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#underWay = [];
    this.#wake?.();
    return true;
  }

  /** Sends again what may be lost, and gives up in the end. */
  #arm(): void {
    const { link, runtime } = this.#parts;
    this.#timer?.cancel();
    this.#timer = runtime.setTimer(SNAPSHOT_RESEND_MS, () => {
      if (runtime.monotonic() - this.#heardAt >= SNAPSHOT_SILENCE_MAX_MS) {
        this.fail('the peer is silent');
        return;
      }
      for (const { frame } of this.#underWay) link.send(frame);
      this.#arm();
    });
  }

  async #taking(sequence: number): Promise<void> {
    while (this.#taken < sequence && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #bring(sequence: number, frame: Uint8Array): Promise<void> {
    const { link } = this.#parts;
    this.#underWay.push({ sequence, frame });
    if (!link.send(frame)) await link.drained();
  }

  async #send(): Promise<void> {
    const { store, term } = this.#parts;
    const snapshot = await store.readSnapshot();
    if (snapshot === undefined) throw new Error('there is no valid snapshot in the store');
    const { meta } = snapshot;
    this.index = meta.index;
    let sequence = 0;
    let checksum = 0;
    for await (const data of snapshot.chunks) {
      if (sequence === 1) await this.#taking(0);
      else await this.#taking(sequence - SNAPSHOT_CHUNKS_IN_FLIGHT_MAX);
      if (this.#isOver) return;
      checksum = crc32(data, checksum);
      if (sequence > this.#taken) {
        await this.#bring(sequence, encodeMessage({ type: 'snapshot', term, meta, sequence, checksum: null, data }));
      }
      sequence += 1;
    }
    if (this.#isOver) return;
    const end = { sequence, checksum, data: new Uint8Array(0) };
    await this.#bring(sequence, encodeMessage({ type: 'snapshot', term, meta, ...end }));
    await this.#taking(sequence);
    if (this.#finish()) this.#parts.onSent(meta.index);
  }
}
