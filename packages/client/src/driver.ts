import type { Connection, Logger, Runtime, Timer, Transport } from '@lic/interfaces';
import { type ClientMessage, encodeClientMessage } from '@lic/protocol';
import { linkFailure, openConnection } from './handshake.ts';
import type { ClientLogic } from './logic/client-logic.ts';
import { entropyBytesMin } from './logic/entropy.ts';
import type { Clocks, Input, LinkId } from './logic/inputs.ts';
import type { CallOutput, Output } from './logic/outputs.ts';
import type { Trust } from './trust.ts';

/** Random bytes that are given to the logic at once. */
export const entropyBytes = 4 * entropyBytesMin;

/** A timer that fires so much too late tells that the process stood still, ms. */
const stallMsMin = 50;

/** What the driver joins. */
export interface DriverParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly logic: ClientLogic;
  readonly trust: Trust;
  readonly agent: string;
  readonly connectTimeoutMs: number;
  transportFor(address: string): Transport;
  /** Takes the outputs that concern calls, grants and watchers. */
  readonly onOutput: (output: CallOutput) => void;
}

/**
 * Joins the logic with connections and timers. Inputs are taken one after the other: one that arises while outputs are being
 * carried out (a listener checks in) waits until they are, so that frames leave in the order in which they were decided.
 */
export class Driver {
  readonly #parts: DriverParts;
  readonly #links = new Map<LinkId, Connection | AbortController>();
  readonly #inputs: Input[] = [];
  #isBusy = false;
  #keepAlive = true;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;

  constructor(parts: DriverParts) {
    this.#parts = parts;
  }

  clocks(): Clocks {
    const { runtime } = this.#parts;
    return { monotonicMs: runtime.monotonic(), wallMs: runtime.now() };
  }

  input(input: Input): void {
    this.#inputs.push(input);
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { logic, runtime } = this.#parts;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      if (logic.entropyLeft < entropyBytesMin)
        logic.step({ kind: 'entropy', bytes: runtime.random(entropyBytes) }, this.clocks());
      for (const output of logic.step(next, this.clocks())) this.#carryOut(output);
    }
    this.#isBusy = false;
    this.#arm();
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case 'dial':
        void this.#dial(output.link, output.address);
        break;
      case 'send':
        this.#send(output.link, output.message);
        break;
      case 'hangUp':
        this.#hangUp(output.link, output.isOrderly);
        break;
      case 'keepAlive':
        this.#setKeepAlive(output.on);
        break;
      default:
        this.#parts.onOutput(output);
    }
  }

  async #dial(link: LinkId, address: string): Promise<void> {
    const { runtime, trust, agent, connectTimeoutMs, logger } = this.#parts;
    const abort = new AbortController();
    this.#links.set(link, abort);
    try {
      const { connection, welcome, receive } = await openConnection(address, {
        runtime,
        trust,
        agent,
        transport: this.#parts.transportFor(address),
        timeoutMs: connectTimeoutMs,
        keepAlive: this.#keepAlive,
        signal: abort.signal,
      });
      if (this.#links.get(link) !== abort) {
        connection.abort();
        return;
      }
      connection.setKeepAlive(this.#keepAlive);
      this.#links.set(link, connection);
      connection.onClose((reason) => {
        if (!this.#links.delete(link)) return;
        logger.debug('a connection to a license server ended', { address, ...reason });
        this.input({ kind: 'linkDown', link, reason });
      });
      this.input({ kind: 'linkUp', link, welcome });
      receive((message) => this.input({ kind: 'message', link, message }));
    } catch (error) {
      if (!this.#links.delete(link)) return;
      const failure = linkFailure(error);
      logger.debug('a license server was not reached', { address, ...failure });
      this.input({ kind: 'linkFailed', link, failure });
    }
  }

  #send(link: LinkId, message: ClientMessage): void {
    const connection = this.#links.get(link);
    // Requests are bounded in number and small: what one session has under way stays below any high-water mark worth heeding.
    if (connection !== undefined && 'send' in connection) connection.send(encodeClientMessage(message));
  }

  #hangUp(link: LinkId, isOrderly: boolean): void {
    const connection = this.#links.get(link);
    this.#links.delete(link);
    if (connection === undefined) return;
    if ('close' in connection && isOrderly) connection.close();
    else connection.abort();
  }

  #setKeepAlive(on: boolean): void {
    this.#keepAlive = on;
    for (const connection of this.#links.values()) if ('setKeepAlive' in connection) connection.setKeepAlive(on);
    this.#timer?.cancel();
    this.#timerAtMs = Infinity;
  }

  /** A timer that fires early costs one step; one that is set anew with every frame would cost more. */
  #arm(): void {
    const wakeMs = this.#parts.logic.nextWakeMs();
    if (wakeMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = wakeMs;
    const { runtime } = this.#parts;
    const wake = (): void => {
      this.#timerAtMs = Infinity;
      this.input({ kind: 'wake' });
    };
    // Not finer than a millisecond: a wait that the clock's resolution swallows would never be over.
    const delayMs = Math.max(1, Math.ceil(wakeMs - runtime.monotonic()));
    const dueMs = runtime.monotonic() + delayMs;
    const wakeOrHearFirst = (): void => {
      // After a stall of this process the answers that it seems to miss lie in its sockets: they are read first.
      if (runtime.monotonic() - dueMs < stallMsMin) wake();
      else this.#timer = runtime.setTimer(1, wake, { keepAlive: this.#keepAlive });
    };
    this.#timer = runtime.setTimer(delayMs, wakeOrHearFirst, { keepAlive: this.#keepAlive });
  }
}
