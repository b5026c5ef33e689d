import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Frame } from '@lic/interfaces';
import { frameHeaderBytes, frameKind } from './frame-format.ts';

/** A binary frame from this size on is written as it is; smaller ones are copied together. */
const copyBytesMax = 16 * 1024;
/** Small frames are copied together into writes of about this size. */
const writeBytesMax = 64 * 1024;

/**
 * Gathers the frames of one turn of the event loop and writes them together: one system call, and one TLS record, where
 * there would be one each.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #onWritten: () => void;
  #frames: Frame[] = [];
  #payloadBytes: number[] = [];
  #bytes = 0;
  #isScheduled = false;
  readonly #flushScheduled = (): void => {
    this.#isScheduled = false;
    this.flush();
  };

  /** `onWritten` is called whenever some bytes have left the buffer. */
  constructor(socket: Socket, onWritten: () => void) {
    this.#socket = socket;
    this.#onWritten = onWritten;
  }

  /** What was sent and has not left this process, in bytes. */
  get bufferedBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  /** Takes one frame, whose payload has so many bytes. */
  add(frame: Frame, payloadBytes: number): void {
    this.#frames.push(frame);
    this.#payloadBytes.push(payloadBytes);
    this.#bytes += frameHeaderBytes + payloadBytes;
    if (this.#bytes >= writeBytesMax) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(this.#flushScheduled);
    }
  }

  /** Hands all that was gathered to the socket. */
  flush(): void {
    const frames = this.#frames;
    const sizes = this.#payloadBytes;
    if (frames.length === 0) return;
    this.#frames = [];
    this.#payloadBytes = [];
    this.#bytes = 0;
    let from = 0;
    while (from < frames.length) {
      let to = from;
      let runBytes = 0;
      let large: Uint8Array | undefined;
      while (to < frames.length && large === undefined && runBytes < writeBytesMax) {
        const frame = frames[to] as Frame;
        const size = sizes[to] as number;
        if (typeof frame !== 'string' && size >= copyBytesMax) large = frame;
        runBytes += large === undefined ? frameHeaderBytes + size : frameHeaderBytes;
        to++;
      }
      const run = Buffer.allocUnsafe(runBytes);
      for (let at = 0, index = from; index < to; index++)
        at = put(run, at, frames[index] as Frame, sizes[index] as number);
      this.#socket.write(run, this.#onWritten);
      if (large !== undefined) this.#socket.write(large, this.#onWritten);
      from = to;
    }
  }

  /** Forgets what was gathered: the other side reads no more. */
  drop(): void {
    this.#frames = [];
    this.#payloadBytes = [];
    this.#bytes = 0;
  }

  /** Writes a frame without payload, behind all that was gathered. */
  control(frame: Uint8Array): void {
    this.flush();
    this.#socket.write(frame);
  }
}

/** Puts a header, and the payload unless it is written on its own. Answers where the next begins. */
function put(run: Buffer, at: number, frame: Frame, payloadBytes: number): number {
  run.writeUInt32BE(payloadBytes, at);
  const start = at + frameHeaderBytes;
  if (typeof frame === 'string') {
    run[at + 4] = frameKind.text;
    run.write(frame, start, payloadBytes, 'utf8');
  } else {
    run[at + 4] = frameKind.binary;
    if (payloadBytes >= copyBytesMax) return start;
    run.set(frame, start);
  }
  return start + payloadBytes;
}
