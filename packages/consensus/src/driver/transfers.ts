import type { PeerId, Runtime, Timer } from '@lic/interfaces';
import { transferFailed } from './errors.ts';

interface Handover {
  readonly to: PeerId;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  isControlGone: boolean;
  timer: Timer | undefined;
}

/** The handover of control that somebody waits for: one at a time. */
export class Transfers {
  readonly #runtime: Runtime;
  readonly #electionTimeoutMs: number;
  #current: Handover | undefined;

  constructor(runtime: Runtime, electionTimeoutMs: number) {
    this.#runtime = runtime;
    this.#electionTimeoutMs = electionTimeoutMs;
  }

  /** Whom control is being handed to. */
  get target(): PeerId | null {
    return this.#current?.to ?? null;
  }

  /** Begins one, where none is under way; settles when another leader is known, or with `TRANSFER_FAILED`. */
  begin(to: PeerId): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#current = { to, resolve, reject, isControlGone: false, timer: undefined };
    });
  }

  /** Who leads may have changed. */
  onLeader(isInControl: boolean, leader: PeerId | null): void {
    const current = this.#current;
    if (current === undefined || isInControl) return;
    if (leader !== null) {
      this.#end()?.resolve();
      return;
    }
    if (current.isControlGone) return;
    current.isControlGone = true;
    current.timer = this.#runtime.setTimer(this.#electionTimeoutMs, () => {
      this.fail('control is gone, and nobody is known to have taken it');
    });
  }

  /** It came to nothing. */
  fail(why: string): void {
    const handover = this.#end();
    handover?.reject(transferFailed(handover.to, why));
  }

  #end(): Handover | undefined {
    const current = this.#current;
    this.#current = undefined;
    current?.timer?.cancel();
    return current;
  }
}
