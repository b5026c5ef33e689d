import {
  errorMessage,
  isLicError,
  LicError,
  type Listener,
  type Logger,
  type Timer,
  type Transport,
} from '@lic/interfaces';
import type { StatusReport } from '@lic/protocol';
import { LicenseServer } from '../license-server.ts';
import type { Server, ServerInspection } from '../server.ts';
import type { ServerOptions } from '../server-options.ts';
import type { LifeHost, Rebirth } from './rebirth.ts';

/** What a store says that will work once there is space, or the disk can be written again. */
const waitedFor: ReadonlySet<string> = new Set(['STORE_FULL', 'STORE_BLOCKED']);

/** Where a life could not begin it is tried again after so long, ms; after each failure twice as long. */
const retryMs = { min: 500, max: 30_000 } as const;

/**
 * The server that `createServer` gives. It keeps its addresses while one life after the other runs on them: a server is repaired and
 * recovered in place, without another process. Between two lives the last one goes on answering `status`.
 */
export class LastingServer implements Server {
  readonly joined: Promise<void>;
  readonly #options: ServerOptions;
  readonly #logger: Logger;
  readonly #transports: readonly Transport[];
  #settleJoined!: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  #listeners: readonly Listener[] = [];
  #hasOpened = false;
  /** The one that answers. */
  #life: LicenseServer;
  #rebirth: Promise<void> | undefined;
  #isOver = false;
  #wake: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    const { runtime, logger } = options;
    this.#options = options;
    this.#logger = logger;
    this.#transports = options.transports.map((factory) => factory({ runtime, logger }));
    this.joined = new Promise((resolve, reject) => {
      this.#settleJoined = { resolve, reject };
    });
    // Who awaits it is told; nobody has to.
    this.joined.catch(() => {});
    this.#life = this.#newLife();
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  /** A disk that is full, or can't be written for now, is waited for: a process that ended would only be started again. */
  async start(): Promise<void> {
    for (let pauseMs: number = retryMs.min; ; pauseMs = Math.min(2 * pauseMs, retryMs.max)) {
      try {
        await this.#life.start();
        return;
      } catch (error) {
        const isWaitedFor = isLicError(error) && waitedFor.has(error.code);
        if (isWaitedFor) {
          this.#logger.error('this server can not begin yet; it is tried again', { err: error, pauseMs });
          await this.#pause(pauseMs);
        }
        if (!isWaitedFor || this.#isOver) {
          await this.stop({ handover: false });
          throw error;
        }
        this.#life = this.#newLife();
      }
    }
  }

  status(): Promise<StatusReport> {
    return this.#life.status();
  }

  inspect(): ServerInspection {
    return this.#life.inspect();
  }

  stop(options: { readonly handover?: boolean } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.handover ?? true);
    return this.#stopped;
  }

  async #stop(handover: boolean): Promise<void> {
    this.#isOver = true;
    this.#wake?.();
    await this.#rebirth;
    await this.#life.end({ handover });
    await this.#close();
    this.#logger.info('stopped');
  }

  #newLife(): LicenseServer {
    const host: LifeHost = {
      open: async () => {
        this.#life = life;
        if (this.#hasOpened) return;
        this.#hasOpened = true;
        await this.#open();
      },
      close: () => this.#close(),
      replace: (rebirth) => {
        if (this.#isOver || this.#rebirth !== undefined || life !== this.#life) return;
        this.#rebirth = this.#replace(life, rebirth).finally(() => {
          this.#rebirth = undefined;
        });
      },
    };
    const life = new LicenseServer(this.#options, this.#transports, host);
    life.joined.then(this.#settleJoined.resolve, (error: unknown) => {
      if (this.#isOver || !life.isReplaced) this.#settleJoined.reject(error);
    });
    return life;
  }

  async #open(): Promise<void> {
    const onConnection = (connection: Parameters<LicenseServer['accept']>[0]): void => this.#life.accept(connection);
    for (const address of this.#options.listen) {
      const scheme = address.split(':', 1)[0] ?? '';
      const transport = this.#transports.find((candidate) => candidate.schemes.includes(scheme));
      if (transport === undefined) {
        const known = this.#transports.flatMap(({ schemes }) => schemes).join(', ');
        throw new LicError(
          'LISTEN_FAILED',
          `No transport for the address ${JSON.stringify(address)}: expected one of ${known}.`,
        );
      }
      this.#listeners = [...this.#listeners, await transport.listen(address, { onConnection })];
    }
    this.#logger.info('listening', { addresses: this.addresses });
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#listeners.map((listener) => listener.close()));
  }

  /** Never rejects. */
  async #replace(last: LicenseServer, rebirth: Rebirth): Promise<void> {
    const logger = this.#logger;
    logger.warn('this server is begun anew in its process', { why: rebirth.why });
    await last.end({ handover: true, rebirth });
    let isPrepared = false;
    for (let pauseMs: number = retryMs.min; !this.#isOver; pauseMs = Math.min(2 * pauseMs, retryMs.max)) {
      try {
        if (!isPrepared) await rebirth.prepare(this.#options.store);
        isPrepared = true;
        await this.#newLife().start();
        last.closeClients();
        return;
      } catch (error) {
        logger.error('this server could not be begun anew; it is tried again', { err: error, pauseMs });
        this.#life = last;
        last.noteTrouble(`${rebirth.why} That has failed so far and is tried again: ${errorMessage(error)}`);
      }
      await this.#pause(pauseMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      if (this.#isOver) resolve();
      this.#wake = resolve;
      timer = this.#options.runtime.setTimer(ms, resolve);
    });
    timer?.cancel();
    this.#wake = undefined;
  }
}
