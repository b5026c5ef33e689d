import type { Frame, Timer } from '@lic/interfaces';
import type { SeededRandom } from '../virtual/random.ts';

/** Whose send buffer a frame fills until the other side has read it. */
export interface Sender {
  release(byteCount: number): void;
}

/** What travels: a frame, or what TCP would say with its flags. */
export type Item =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly byteCount: number; readonly sender: Sender }
  | { readonly kind: 'open' | 'accepted' | 'refused' | 'ping' | 'pong' | 'end' | 'reset' };

/** What a pipe needs of the network. */
export interface PipeWorld {
  readonly nowMs: number;
  readonly random: SeededRandom;
  schedule(delayMs: number, run: () => void): Timer;
  isBlocked(from: string, to: string): boolean;
  latencyMs(from: string, to: string): number;
}

interface Travelling {
  atMs: number;
  readonly item: Item;
}

/** One direction of one connection: order is kept, each item takes its own latency, nothing passes while it is blocked. */
export class Pipe {
  readonly from: string;
  readonly to: string;
  /** Set by the receiving end. */
  onItem: (item: Item) => void = () => {};
  readonly #world: PipeWorld;
  #travelling: Travelling[] = [];
  #timer: Timer | undefined;
  #isCut = false;
  #lagMs = 0;

  readonly #onFrame: (() => void) | undefined;

  /** `onFrame`: called with each frame that arrives. */
  constructor(world: PipeWorld, from: string, to: string, onFrame?: () => void) {
    this.#world = world;
    this.from = from;
    this.to = to;
    this.#onFrame = onFrame;
  }

  push(item: Item): void {
    if (this.#isCut) return;
    const earliestMs = this.#world.nowMs + this.#world.latencyMs(this.from, this.to) + this.#lagMs;
    this.#travelling.push({ atMs: Math.max(earliestMs, this.#travelling.at(-1)?.atMs ?? 0), item });
    if (this.#travelling.length === 1) this.#arm();
  }

  /** Looks again whether the direction is blocked. What was held sets out anew. */
  update(): void {
    const earliestMs = this.#world.nowMs + this.#world.latencyMs(this.from, this.to);
    for (const travelling of this.#travelling) travelling.atMs = Math.max(travelling.atMs, earliestMs);
    this.#arm();
  }

  /** Everything that enters from now on takes so much longer. */
  lag(byMs: number): void {
    this.#lagMs = byMs;
  }

  /** Drops a random tail of what is under way, as a reset does. */
  dropTail(): void {
    this.#travelling.length = this.#world.random.between(0, this.#travelling.length);
    this.#arm();
  }

  /** From now on whatever enters is lost without a trace. */
  cut(): void {
    this.#isCut = true;
    this.#travelling = [];
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer?.cancel();
    const first = this.#travelling[0];
    if (first === undefined || this.#world.isBlocked(this.from, this.to)) return;
    this.#timer = this.#world.schedule(first.atMs - this.#world.nowMs, () => this.#arrive());
  }

  #arrive(): void {
    const first = this.#travelling[0] as Travelling;
    const later = this.#travelling.findIndex(({ atMs }) => atMs > first.atMs);
    const arrived = this.#travelling.splice(0, later === -1 ? this.#travelling.length : later);
    for (const { item } of arrived) {
      if (this.#isCut) break;
      if (item.kind === 'frame') this.#onFrame?.();
      this.onItem(item);
    }
    this.#arm();
  }
}
