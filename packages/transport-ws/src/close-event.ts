import type { CloseReason } from '@lic/interfaces';

/** The one close event of a connection. Each listener is called exactly once, and never within a call of the owner's. */
export class CloseEvent {
  #reason: CloseReason | undefined;
  #listeners: ((reason: CloseReason) => void)[] = [];

  get hasHappened(): boolean {
    return this.#reason !== undefined;
  }

  add(listener: (reason: CloseReason) => void): void {
    const reason = this.#reason;
    if (reason === undefined) this.#listeners.push(listener);
    else queueMicrotask(() => listener(reason));
  }

  /** Only the first call counts. */
  happen(reason: CloseReason): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    // One microtask each: a listener that throws does not take the event from the others.
    for (const listener of this.#listeners) queueMicrotask(() => listener(reason));
    this.#listeners = [];
  }
}
