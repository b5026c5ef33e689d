import type { CloseReason, Connection, Frame, Runtime } from '@lic/interfaces';
import { CloseEvent } from '../memory-transport/close-event.ts';
import type { Direction, FaultState, FaultyLink } from './fault-controls.ts';

/** Something that waits for its time, or for its direction to be released. */
interface Waiting {
  readonly atMs: number;
  readonly run: () => void;
}

/** A connection with faults in between. Without any it hands everything through at once. */
export class FaultyConnection implements Connection, FaultyLink {
  readonly remote: string;
  readonly #inner: Connection;
  readonly #state: FaultState;
  readonly #runtime: Runtime;
  readonly #closeEvent = new CloseEvent();
  readonly #queues: Record<Direction, Waiting[]> = { inbound: [], outbound: [] };
  #receiver: ((frame: Frame) => void) | undefined;
  #isOpen = true;

  constructor(inner: Connection, state: FaultState, runtime: Runtime) {
    this.remote = inner.remote;
    this.#inner = inner;
    this.#state = state;
    this.#runtime = runtime;
    state.connections.add(this);
    inner.onClose((reason) => {
      // Its own end is no news from the network.
      if (reason.kind === 'local') this.#finish(reason);
      else this.#pass('inbound', () => this.#finish(reason));
    });
  }

  send(frame: Frame): boolean {
    if (!this.#isOpen) return false;
    if (this.#isClear('outbound')) return this.#inner.send(frame);
    this.#pass('outbound', () => this.#inner.send(frame));
    return true;
  }

  drained(): Promise<void> {
    return this.#inner.drained();
  }

  onFrame(receiver: (frame: Frame) => void): void {
    const isFirst = this.#receiver === undefined;
    this.#receiver = receiver;
    if (isFirst) this.#inner.onFrame((frame) => this.#pass('inbound', () => this.#deliver(frame)));
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#closeEvent.add(listener);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#pass('outbound', () => this.#inner.close());
  }

  abort(): void {
    this.#isOpen = false;
    this.#queues.outbound = [];
    this.#inner.abort();
  }

  setKeepAlive(on: boolean): void {
    this.#inner.setKeepAlive(on);
  }

  drop(): void {
    this.#queues.inbound = [];
    this.#queues.outbound = [];
    this.#finish({ kind: 'reset', message: `the connection to ${this.remote} was dropped by a fault` });
    this.#inner.abort();
  }

  update(direction: Direction): void {
    const queue = this.#queues[direction];
    for (let next = queue[0]; next !== undefined && !this.#state.isHeld[direction]; next = queue[0]) {
      const waitMs = next.atMs - this.#runtime.monotonic();
      if (waitMs > 0) {
        this.#runtime.setTimer(waitMs, () => this.update(direction), { keepAlive: false });
        return;
      }
      queue.shift();
      next.run();
    }
  }

  #isClear(direction: Direction): boolean {
    const { delayMs, isHeld } = this.#state;
    return this.#queues[direction].length === 0 && !isHeld[direction] && delayMs[direction] === 0;
  }

  #pass(direction: Direction, run: () => void): void {
    if (this.#isClear(direction)) {
      run();
      return;
    }
    this.#queues[direction].push({ atMs: this.#runtime.monotonic() + this.#state.delayMs[direction], run });
    if (this.#queues[direction].length === 1) this.update(direction);
  }

  #deliver(frame: Frame): void {
    if (this.#isOpen) this.#receiver?.(frame);
  }

  #finish(reason: CloseReason): void {
    this.#isOpen = false;
    this.#state.connections.delete(this);
    this.#closeEvent.happen(reason);
  }
}
