import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import {
  type CloseKind,
  type CloseReason,
  type Connection,
  errorCode,
  errorMessage,
  type Frame,
  LicError,
  type Runtime,
  type Timer,
} from '@lic/interfaces';
import { WebSocket } from 'ws';
import { CloseEvent } from '../close-event.ts';
import type { WsLimits } from '../limits.ts';
import { watchSilence } from '../silence-watch.ts';

/** What a connection is made from: a WebSocket that has just opened, and the socket under it. */
export interface WsConnectionOptions {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly remote: string;
  readonly runtime: Runtime;
  readonly limits: WsLimits;
}

/** Close codes of the protocol's own that mean no trouble (RFC 6455, 7.4.1): done, going away, and none named. */
const orderlyCodes: ReadonlySet<number> = new Set([1000, 1001, 1005]);
/** From here on codes are an application's own. */
const applicationCodeMin = 3000;
const closedHere: CloseReason = { kind: 'local', message: 'closed by this side' };

/** Frames over one WebSocket. */
export class WsConnection implements Connection {
  readonly remote: string;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #limits: WsLimits;
  readonly #watch: Timer;
  readonly #closeEvent = new CloseEvent();
  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#socket.uncork();
  };
  readonly #onWritten = (): void => this.#wakeDrained();
  #receiver: ((frame: Frame) => void) | undefined;
  /** Sends are taken and frames are delivered. */
  #isOpen = true;
  #isCorked = false;
  #drainWaiters: (() => void)[] = [];

  constructor({ webSocket, socket, remote, runtime, limits }: WsConnectionOptions) {
    this.remote = remote;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#limits = limits;
    webSocket.pause();
    webSocket.on('message', (data: Buffer, isBinary) => this.#take(data, isBinary));
    webSocket.on('error', (error) => this.#failed(error));
    webSocket.on('close', (code) => this.#closed(code));
    this.#watch = watchSilence({
      runtime,
      pingAfterMs: limits.pingAfterMs,
      silenceMsMax: limits.silenceMsMax,
      heard: () => socket.bytesRead,
      isReading: () => this.#receiver !== undefined,
      ping: () => webSocket.ping(),
      onSilent: () => this.#fail('timeout', `nothing was heard from ${remote} for ${limits.silenceMsMax} ms`),
    });
  }

  send(frame: Frame): boolean {
    // The other side's close frame comes before the close event; from then on ws would count what it drops as buffered.
    if (!this.#isOpen || this.#webSocket.readyState !== WebSocket.OPEN) return false;
    const { frameBytesMax, highWaterBytes, sendBufferBytesMax } = this.#limits;
    const payloadBytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength;
    if (payloadBytes > frameBytesMax)
      throw new LicError(
        'FRAME_TOO_LARGE',
        `a frame of ${payloadBytes} bytes can't be sent to ${this.remote}: at most frameBytesMax, ${frameBytesMax}`,
        { details: { payloadBytes, frameBytesMax } },
      );
    this.#cork();
    this.#webSocket.send(frame, this.#onWritten);
    const bufferedBytes = this.#webSocket.bufferedAmount;
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
    this.#receiver = receiver;
    this.#webSocket.resume();
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#closeEvent.add(listener);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#watch.cancel();
    // ws ends it after its `closeTimeout`, our linger, should the other side not answer.
    this.#webSocket.close(1000);
    this.#webSocket.resume();
  }

  abort(): void {
    if (!this.#closeEvent.hasHappened) this.#fail('local', closedHere.message);
  }

  setKeepAlive(on: boolean): void {
    if (this.#socket.destroyed) return;
    if (on) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Holds back what is written until this turn of the event loop is over, so that it leaves together. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    process.nextTick(this.#uncork);
  }

  #take(data: Buffer, isBinary: boolean): void {
    if (!this.#isOpen) return;
    // ws has checked that a text is UTF-8.
    this.#receiver?.(isBinary ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data.toString());
  }

  #failed(error: Error): void {
    const isTheirs = errorCode(error).startsWith('WS_ERR_');
    // ws has told the other side by a close frame; the socket goes with it.
    if (isTheirs)
      this.#finish({ kind: 'protocol', message: `${this.remote} broke the framing: ${errorMessage(error)}` });
    else this.#fail('reset', `the connection to ${this.remote} broke: ${errorMessage(error)}`);
  }

  #closed(code: number): void {
    if (!this.#isOpen) this.#finish(closedHere);
    else if (orderlyCodes.has(code) || code >= applicationCodeMin)
      this.#finish({ kind: 'orderly', message: `${this.remote} closed the connection` });
    else this.#finish({ kind: 'reset', message: `the connection to ${this.remote} is gone (WebSocket code ${code})` });
  }

  /** Ends it at once; the other side sees an end without closing handshake. */
  #fail(kind: CloseKind, message: string): void {
    this.#finish({ kind, message });
    this.#webSocket.terminate();
  }

  #finish(reason: CloseReason): void {
    this.#isOpen = false;
    this.#watch.cancel();
    this.#closeEvent.happen(reason);
    this.#wakeDrained();
  }

  #wakeDrained(): void {
    if (this.#drainWaiters.length === 0) return;
    if (!this.#closeEvent.hasHappened && this.#webSocket.bufferedAmount > this.#limits.lowWaterBytes) return;
    for (const resolve of this.#drainWaiters) resolve();
    this.#drainWaiters = [];
  }
}
