import { type CloseKind, type Connection, type Frame, LicError, type Runtime, type Timer } from '@lic/interfaces';
import type { TransportLimits } from '../transport-suite/transport-world.ts';
import { CloseEvent } from './close-event.ts';
import type { Item, Pipe, Sender } from './pipe.ts';
import { watchSilence } from './silence-watch.ts';

/** What one end of a memory connection is made from. */
export interface MemoryConnectionOptions {
  readonly remote: string;
  readonly runtime: Runtime;
  readonly limits: TransportLimits;
  readonly out: Pipe;
  readonly into: Pipe;
  /** Asked at each frame: whether chance takes the whole connection with it. */
  readonly isTaken: () => boolean;
  /** Called once when this end is no more. */
  readonly onGone: () => void;
}

/** Runs `callback` as the work of the process whose runtime it is: a virtual one may be paused or killed. */
export function deliver(runtime: Runtime & { deliver?(callback: () => void): void }, callback: () => void): void {
  if (runtime.deliver === undefined) callback();
  else runtime.deliver(callback);
}

/** One end of a connection in a memory network. */
export class MemoryConnection implements Connection, Sender {
  readonly remote: string;
  readonly #runtime: Runtime;
  readonly #limits: TransportLimits;
  readonly #out: Pipe;
  readonly #isTaken: () => boolean;
  readonly #onGone: () => void;
  readonly #watch: Timer;
  #closeEvent = new CloseEvent();
  /** Arrived, and waiting for the receiver or for a paused process. */
  #inbox: Item[] = [];
  #receiver: ((frame: Frame) => void) | undefined;
  /** Sends are taken. */
  #isOpen = true;
  /** `close` was called and the other side has not answered yet. */
  #isClosing = false;
  #isGone = false;
  #isDraining = false;
  #heard = 0;
  #bufferedBytes = 0;
  #drainWaiters: (() => void)[] = [];
  #linger: Timer | undefined;

  constructor({ remote, runtime, limits, out, into, isTaken, onGone }: MemoryConnectionOptions) {
    this.remote = remote;
    this.#runtime = runtime;
    this.#limits = limits;
    this.#out = out;
    this.#isTaken = isTaken;
    this.#onGone = onGone;
    into.onItem = (item) => this.receive(item);
    this.#watch = watchSilence({
      runtime,
      pingAfterMs: limits.pingAfterMs,
      silenceMsMax: limits.silenceMsMax,
      heard: () => this.#heard,
      isReading: () => this.#receiver !== undefined,
      ping: () => this.#out.push({ kind: 'ping' }),
      onSilent: () => this.#fail('timeout', `nothing was heard from ${remote} for ${limits.silenceMsMax} ms`),
    });
  }

  send(frame: Frame): boolean {
    if (!this.#isOpen) return false;
    const { frameBytesMax, highWaterBytes, sendBufferBytesMax } = this.#limits;
    const { byteLength: byteCount } = typeof frame === 'string' ? encoder.encode(frame) : frame;
    if (byteCount > frameBytesMax)
      throw new LicError('FRAME_TOO_LARGE', `a frame of ${byteCount} bytes can't be sent: at most ${frameBytesMax}`);
    this.#bufferedBytes += byteCount;
    if (this.#bufferedBytes > sendBufferBytesMax) {
      this.#fail(
        'overrun',
        `more than ${sendBufferBytesMax} bytes wait for ${this.remote}: backpressure was not heeded`,
      );
      return false;
    }
    if (this.#isTaken()) return false;
    // A copy: the ends of a real connection share no memory either.
    const copy = typeof frame === 'string' ? frame : Uint8Array.from(frame);
    this.#out.push({ kind: 'frame', frame: copy, byteCount, sender: this });
    return this.#bufferedBytes <= highWaterBytes;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drainWaiters.push(resolve);
      this.#wakeDrained();
    });
  }

  onFrame(receiver: (frame: Frame) => void): void {
    this.#receiver = receiver;
    // Not within this call: its caller may not be ready for frames yet.
    queueMicrotask(() => deliver(this.#runtime, () => this.#drain()));
  }

  onClose(listener: Parameters<CloseEvent['add']>[0]): void {
    this.#closeEvent.add(listener);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#isClosing = true;
    this.#out.push({ kind: 'end' });
    this.#linger = this.#runtime.setTimer(this.#limits.lingerMsMax, () => this.#finish('local', closedHere), {
      keepAlive: false,
    });
    deliver(this.#runtime, () => this.#drain());
  }

  abort(): void {
    if (this.#isGone) return;
    this.#fail('local', closedHere);
  }

  setKeepAlive(): void {
    // Nothing here keeps a process alive.
  }

  /** Takes what has arrived. */
  receive(item: Item): void {
    if (this.#isGone) return;
    this.#inbox.push(item);
    deliver(this.#runtime, () => this.#drain());
  }

  /** The other side has read so much of what this one sent. */
  release(byteCount: number): void {
    this.#bufferedBytes -= byteCount;
    if (this.#drainWaiters.length > 0) deliver(this.#runtime, () => this.#wakeDrained());
  }

  /** This end is no more, and nobody is told: its process was killed. */
  vanish(): void {
    this.#closeEvent = new CloseEvent();
    this.#drainWaiters = [];
    this.#finish('local', closedHere);
  }

  #drain(): void {
    // A receiver may, by way of the network, come back here.
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      // Until a receiver is set nothing is read, also no end.
      while (this.#receiver !== undefined || this.#isClosing) {
        const item = this.#inbox.shift();
        if (item === undefined) break;
        this.#heard++;
        this.#take(item);
      }
    } finally {
      this.#isDraining = false;
    }
  }

  #take(item: Item): void {
    if (item.kind === 'frame') {
      item.sender.release(item.byteCount);
      if (this.#isClosing) return;
      const isTooLarge = item.byteCount > this.#limits.frameBytesMax;
      if (isTooLarge) this.#fail('protocol', `${this.remote} sent a frame of ${item.byteCount} bytes, above the limit`);
      else this.#receiver?.(item.frame);
    } else if (item.kind === 'ping') this.#out.push({ kind: 'pong' });
    else if (item.kind === 'end') {
      if (!this.#isClosing) this.#out.push({ kind: 'end' });
      this.#finish('orderly', `${this.remote} closed the connection`);
    } else if (item.kind === 'reset') this.#finish('reset', `the connection to ${this.remote} was reset`);
  }

  #wakeDrained(): void {
    if (!this.#isGone && this.#bufferedBytes > this.#limits.lowWaterBytes) return;
    for (const resolve of this.#drainWaiters) resolve();
    this.#drainWaiters = [];
  }

  /** Ends it at once and tells the other side by a reset. */
  #fail(kind: CloseKind, message: string): void {
    this.#out.dropTail();
    this.#out.push({ kind: 'reset' });
    this.#finish(kind, message);
  }

  #finish(kind: CloseKind, message: string): void {
    if (this.#isGone) return;
    this.#isOpen = false;
    this.#isGone = true;
    this.#inbox = [];
    this.#watch.cancel();
    this.#linger?.cancel();
    this.#closeEvent.happen(this.#isClosing ? { kind: 'local', message: closedHere } : { kind, message });
    this.#wakeDrained();
    this.#onGone();
  }
}

const encoder = new TextEncoder();
const closedHere = 'closed by this side';
