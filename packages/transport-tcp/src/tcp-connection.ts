import { Buffer, isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import {
  type CloseKind,
  type CloseReason,
  type Connection,
  errorMessage,
  type Frame,
  LicError,
  type Runtime,
  type Timer,
} from '@lic/interfaces';
import { CloseEvent } from './close-event.ts';
import { controlFrame, frameKind } from './frame-format.ts';
import { FrameParser } from './frame-parser.ts';
import type { TcpLimits } from './options.ts';
import { Outbox } from './outbox.ts';
import { watchSilence } from './silence-watch.ts';

/** What a connection is made from: a socket that is connected and that nobody reads yet. */
export interface TcpConnectionOptions {
  readonly socket: Socket;
  readonly remote: string;
  /** Over TLS a bare end of the stream proves nothing: anybody on the way can forge it. */
  readonly isTls: boolean;
  readonly runtime: Runtime;
  readonly limits: TcpLimits;
}

const endFrame = controlFrame(frameKind.end);
const pingFrame = controlFrame(frameKind.ping);
const pongFrame = controlFrame(frameKind.pong);
const closedHere: CloseReason = { kind: 'local', message: 'closed by this side' };

/** Frames over one socket. */
export class TcpConnection implements Connection {
  readonly remote: string;
  readonly #socket: Socket;
  readonly #isTls: boolean;
  readonly #runtime: Runtime;
  readonly #limits: TcpLimits;
  readonly #outbox: Outbox;
  readonly #parser: FrameParser;
  readonly #watch: Timer;
  readonly #closeEvent = new CloseEvent();
  #receiver: ((frame: Frame) => void) | undefined;
  /** Sends are taken and frames are delivered. */
  #isOpen = true;
  #owesPong = false;
  #drainWaiters: (() => void)[] = [];
  #linger: Timer | undefined;
  #socketError: Error | undefined;

  constructor({ socket, remote, isTls, runtime, limits }: TcpConnectionOptions) {
    this.remote = remote;
    this.#socket = socket;
    this.#isTls = isTls;
    this.#runtime = runtime;
    this.#limits = limits;
    this.#outbox = new Outbox(socket, () => this.#wakeDrained());
    this.#parser = new FrameParser(limits.frameBytesMax, (kind, bytes, start, end) =>
      this.#take(kind, bytes, start, end),
    );
    socket.setNoDelay(true);
    socket.on('end', () => this.#streamEnded());
    socket.on('error', (error) => {
      this.#socketError ??= error;
    });
    socket.on('close', () => this.#socketClosed());
    this.#watch = watchSilence({
      runtime,
      pingAfterMs: limits.pingAfterMs,
      silenceMsMax: limits.silenceMsMax,
      heard: () => socket.bytesRead,
      isReading: () => this.#receiver !== undefined,
      ping: () => this.#outbox.control(pingFrame),
      onSilent: () => this.#fail('timeout', `nothing was heard from ${remote} for ${limits.silenceMsMax} ms`),
    });
  }

  send(frame: Frame): boolean {
    if (!this.#isOpen) return false;
    const { frameBytesMax, highWaterBytes, sendBufferBytesMax } = this.#limits;
    const payloadBytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength;
    if (payloadBytes > frameBytesMax)
      throw new LicError(
        'FRAME_TOO_LARGE',
        `a frame of ${payloadBytes} bytes can't be sent to ${this.remote}: at most frameBytesMax, ${frameBytesMax}`,
        { details: { payloadBytes, frameBytesMax } },
      );
    this.#outbox.add(frame, payloadBytes);
    const { bufferedBytes } = this.#outbox;
    if (bufferedBytes <= highWaterBytes) return true;
    if (bufferedBytes > sendBufferBytesMax)
      this.#fail(
        'overrun',
        `more than ${sendBufferBytesMax} bytes wait for ${this.remote}: backpressure was not heeded`,
      );
    return false;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
      this.#wakeDrained();
    });
  }

  onFrame(receiver: (frame: Frame) => void): void {
    const isFirst = this.#receiver === undefined;
    this.#receiver = receiver;
    if (!isFirst || !this.#isOpen) return;
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // An accepted socket stands paused. Node reads on from the next tick, not within this call.
    this.#socket.resume();
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#closeEvent.add(listener);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#outbox.control(endFrame);
    this.#endSocket();
  }

  abort(): void {
    if (this.#closeEvent.hasHappened) return;
    this.#finish(closedHere);
    this.#destroy();
  }

  setKeepAlive(on: boolean): void {
    if (this.#socket.destroyed) return;
    if (on) this.#socket.ref();
    else this.#socket.unref();
  }

  #read(chunk: Buffer): void {
    if (!this.#isOpen) return;
    const problem = this.#parser.push(chunk);
    if (problem !== undefined) this.#fail('protocol', `${this.remote} sent ${problem}`);
    // One answer to all pings of a chunk, and none where enough is on its way: a flood of them costs nothing.
    if (this.#owesPong && this.#isOpen && this.#outbox.bufferedBytes <= this.#limits.highWaterBytes)
      this.#outbox.control(pongFrame);
    this.#owesPong = false;
  }

  #take(kind: number, bytes: Buffer, start: number, end: number): boolean {
    if (kind === frameKind.binary) {
      this.#receiver?.(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start));
    } else if (kind === frameKind.text) {
      const text = bytes.toString('utf8', start, end);
      // The decoder puts U+FFFD where the bytes are no UTF-8; only then is a second look needed.
      if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end)))
        this.#fail('protocol', `${this.remote} sent a text frame that is not UTF-8`);
      else this.#receiver?.(text);
    } else if (kind === frameKind.ping) this.#owesPong = true;
    else if (kind === frameKind.end) this.#otherSideEnded('orderly', `${this.remote} closed the connection`);
    return this.#isOpen;
  }

  /** The other side sends no more: by FIN, or by TLS's close_notify or a FIN without one, which Node does not tell apart. */
  #streamEnded(): void {
    if (!this.#isOpen) return;
    if (this.#parser.isMidFrame) this.#otherSideEnded('reset', `${this.remote} was cut off in the middle of a frame`);
    else if (this.#isTls) this.#otherSideEnded('reset', `${this.remote} was cut off without closing`);
    else this.#otherSideEnded('orderly', `${this.remote} closed the connection`);
  }

  #otherSideEnded(kind: CloseKind, message: string): void {
    this.#finish({ kind, message });
    this.#endSocket();
  }

  /** Sends what is left, then FIN, and reads to nowhere: a socket closed with unread bytes would reset the other side. */
  #endSocket(): void {
    this.#watch.cancel();
    this.#socket.end();
    this.#socket.resume();
    this.#linger = this.#runtime.setTimer(this.#limits.lingerMsMax, () => this.#socket.destroy(), { keepAlive: false });
  }

  #socketClosed(): void {
    this.#linger?.cancel();
    const error = this.#socketError;
    // `close` ends here, whatever became of the network meanwhile.
    if (!this.#isOpen) this.#finish(closedHere);
    else if (error === undefined) this.#finish({ kind: 'reset', message: `the connection to ${this.remote} is gone` });
    else this.#finish({ kind: 'reset', message: `the connection to ${this.remote} broke: ${errorMessage(error)}` });
  }

  /** Ends it at once; the other side sees a reset. */
  #fail(kind: CloseKind, message: string): void {
    this.#finish({ kind, message });
    this.#destroy();
  }

  #destroy(): void {
    // Over TLS Node can't reset; there, an end without the `end` frame counts as one.
    if (this.#isTls || this.#socket.destroyed) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  #finish(reason: CloseReason): void {
    this.#isOpen = false;
    this.#outbox.drop();
    this.#watch.cancel();
    this.#closeEvent.happen(reason);
    this.#wakeDrained();
  }

  #wakeDrained(): void {
    if (this.#drainWaiters.length === 0) return;
    if (!this.#closeEvent.hasHappened && this.#outbox.bufferedBytes > this.#limits.lowWaterBytes) return;
    for (const resolve of this.#drainWaiters) resolve();
    this.#drainWaiters = [];
  }
}
