import { errorMessage, type Logger } from '@lic/interfaces';

/** The part of an emitter that is shown to others. `Events` maps names to what listeners are called with. */
export interface Listenable<Events> {
  /** Adds a listener; the same one once only. Listeners are called in the order in which they were added. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this;
  off<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this;
}

/** Calls listeners; one that throws is logged and does not keep the others from being called. */
export class Emitter<Events> implements Listenable<Events> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    const listeners = this.#listeners.get(name) ?? new Set();
    listeners.add(listener);
    this.#listeners.set(name, listeners);
    return this;
  }

  off<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    this.#listeners.get(name)?.delete(listener);
    return this;
  }

  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (event: Events[Name]) => void)(event);
      } catch (error) {
        this.#logger.error(`a listener for "${String(name)}" threw: ${errorMessage(error)}`, { err: error });
      }
    }
  }
}
