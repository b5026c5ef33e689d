import { Buffer } from 'node:buffer';
import { frameHeaderBytes, frameKind } from './frame-format.ts';

/** Takes one whole frame, whose payload is `bytes` from `start` to `end`. Answers whether to go on. */
export type FrameSink = (kind: number, bytes: Buffer, start: number, end: number) => boolean;

/** The least that is set aside for a frame which arrives in pieces, where it is not smaller itself. */
const assemblyBytesMin = 16 * 1024;

const none = Buffer.alloc(0);
const kinds: ReadonlySet<number> = new Set(Object.values(frameKind));

/**
 * Finds frames in a stream of chunks. A frame that lies in one chunk is not copied. One that arrives in pieces is
 * put together in memory that grows with what has arrived, at most twice that: a length that is announced costs nothing,
 * and neither do many tiny pieces.
 */
export class FrameParser {
  readonly #frameBytesMax: number;
  readonly #sink: FrameSink;
  #assembly: Buffer = none;
  /** Bytes of the frame in pieces that are there. */
  #have = 0;

  constructor(frameBytesMax: number, sink: FrameSink) {
    this.#frameBytesMax = frameBytesMax;
    this.#sink = sink;
  }

  /** Whether the stream stands in the middle of a frame. */
  get isMidFrame(): boolean {
    return this.#have > 0;
  }

  /** Takes the next chunk. Answers what is wrong with the stream, in words; then nothing more may be pushed. */
  push(chunk: Buffer): string | undefined {
    let at = 0;
    if (this.#have > 0) {
      at = this.#take(chunk, at, frameHeaderBytes);
      if (this.#have < frameHeaderBytes) return undefined;
      const problem = this.#problem(this.#assembly, 0);
      if (problem !== undefined) return problem;
      const frameBytes = frameHeaderBytes + this.#assembly.readUInt32BE(0);
      at = this.#take(chunk, at, frameBytes);
      if (this.#have < frameBytes) return undefined;
      const whole = this.#assembly;
      this.#assembly = none;
      this.#have = 0;
      if (!this.#sink(whole[4] as number, whole, frameHeaderBytes, frameBytes)) return undefined;
    }
    while (chunk.length - at >= frameHeaderBytes) {
      const problem = this.#problem(chunk, at);
      if (problem !== undefined) return problem;
      const start = at + frameHeaderBytes;
      const end = start + chunk.readUInt32BE(at);
      if (end > chunk.length) break;
      if (!this.#sink(chunk[at + 4] as number, chunk, start, end)) return undefined;
      at = end;
    }
    if (at < chunk.length) {
      const left = chunk.length - at;
      this.#take(chunk, at, left < frameHeaderBytes ? frameHeaderBytes : frameHeaderBytes + chunk.readUInt32BE(at));
    }
    return undefined;
  }

  /** What is wrong with the header at `at`. */
  #problem(bytes: Buffer, at: number): string | undefined {
    const payloadBytes = bytes.readUInt32BE(at);
    const kind = bytes[at + 4] as number;
    if (!kinds.has(kind)) return `a frame of unknown kind ${kind}: is the other side a lic client or server?`;
    if (payloadBytes > this.#frameBytesMax)
      return `a frame of ${payloadBytes} bytes, more than frameBytesMax (${this.#frameBytesMax})`;
    if (kind >= frameKind.end && payloadBytes > 0) return `a control frame of ${payloadBytes} bytes`;
    return undefined;
  }

  /** Adds to the frame in pieces what `chunk` holds of it, until it has `wanted` bytes. Answers where it stopped. */
  #take(chunk: Buffer, at: number, wanted: number): number {
    const count = Math.min(wanted - this.#have, chunk.length - at);
    if (count <= 0) return at;
    const needed = this.#have + count;
    if (needed > this.#assembly.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(wanted, Math.max(2 * needed, assemblyBytesMin)));
      this.#assembly.copy(grown, 0, 0, this.#have);
      this.#assembly = grown;
    }
    chunk.copy(this.#assembly, this.#have, at, at + count);
    this.#have = needed;
    return at + count;
  }
}
