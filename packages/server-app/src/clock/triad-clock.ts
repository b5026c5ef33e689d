import type { Logger, PeerId, PeerLink, PeerNetwork, Runtime, Timer } from '@lic/interfaces';
import { decodeClock, encodeAnswer, encodeQuestion } from './clock-frames.ts';
import { acceptClock, type ClockDecision, clockAtStart, decideClock, isOff } from './license-time.ts';

/** What another server's clock says. */
export interface ClockReport {
  readonly peer: PeerId;
  /** Its wall clock minus ours, ms, as estimated from the last exchange. */
  readonly offsetMs: number;
  readonly ageMs: number;
}

/** License time's source (triad.md, License time): pure decisions over exchanged clocks. */
export interface TriadClock {
  start(): void;
  stop(): void;
  /**
   * What a command is stamped with now, UTC ms: agreed clock, or elapsed time while a leap is not accepted. 0 where
   * nothing was ever applied and the clocks have not agreed yet: propose nothing then.
   */
  stampMs(): number;
  /** Whether enough clocks agree now. Where not, time goes on from the last agreement. */
  readonly isAgreed: boolean;
  /** This server's wall clock is more than 60 s off the agreed one. */
  readonly alarm: boolean;
  alarmOf(peer: PeerId): boolean;
  reports(): readonly ClockReport[];
  /** How far the agreed clock is ahead of license time beyond elapsed time, where that is more than an hour and not accepted; else null. */
  pendingLeapMs(): number | null;
  /** An operator accepts the leap: from now on the agreed clock counts. */
  acceptLeap(): void;
  /** Adds a listener for alarms, agreement, and leaps that wait. */
  onChange(listener: () => void): void;
}

/** What a triad's clock is made from. */
export interface TriadClockOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly network: Pick<PeerNetwork, 'self' | 'channel'>;
  /** The license's servers, this one among them. */
  members(): readonly PeerId[];
  /** The last applied license time, UTC ms; 0 before the first. */
  licenseTimeMs(): number;
  /** How often clocks are exchanged, ms. Default 1 s. */
  readonly everyMs?: number;
}

const everyMsDefault = 1_000;
/** A report that was not renewed for so many exchanges does not count any more. */
const staleExchanges = 5;
/** An answer that took longer says too little of the other clock, ms. */
const roundTripMsMax = 5_000;

/** Makes the clock of one server, on channel `clock` of its network. */
export function createTriadClock(options: TriadClockOptions): TriadClock {
  return new ExchangedClock(options);
}

interface Reading {
  /** The peer's wall clock when ours, the monotonic one, said `atMs`. */
  readonly wallMs: number;
  readonly atMs: number;
}

interface PeerClock {
  readonly link: PeerLink;
  asked: { readonly id: number; readonly atMs: number } | undefined;
  reading: Reading | undefined;
}

class ExchangedClock implements TriadClock {
  readonly #options: TriadClockOptions;
  readonly #everyMs: number;
  readonly #peers = new Map<PeerId, PeerClock>();
  readonly #listeners: (() => void)[] = [];
  #state = clockAtStart;
  #questions = 0;
  #timer: Timer | undefined;
  #isRunning = false;
  #told = { alarms: '', isAgreed: false, isLeaping: false };

  constructor(options: TriadClockOptions) {
    this.#options = options;
    this.#everyMs = options.everyMs ?? everyMsDefault;
    options.network.channel('clock').onLink((link) => this.#onLink(link));
  }

  get isAgreed(): boolean {
    return this.#decide().isAgreed;
  }

  get alarm(): boolean {
    return isOff(this.#options.runtime.now(), this.#decide().agreedMs);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#exchange();
  }

  stop(): void {
    this.#isRunning = false;
    this.#timer?.cancel();
  }

  stampMs(): number {
    return this.#decide().stampMs;
  }

  alarmOf(peer: PeerId): boolean {
    if (peer === this.#options.network.self) return this.alarm;
    const clockMs = this.#clockOf(peer);
    return clockMs !== undefined && isOff(clockMs, this.#decide().agreedMs);
  }

  reports(): readonly ClockReport[] {
    const { runtime } = this.#options;
    return this.#others().flatMap((peer) => {
      const clockMs = this.#clockOf(peer);
      const reading = this.#peers.get(peer)?.reading;
      if (clockMs === undefined || reading === undefined) return [];
      return [{ peer, offsetMs: clockMs - runtime.now(), ageMs: runtime.monotonic() - reading.atMs }];
    });
  }

  pendingLeapMs(): number | null {
    return this.#decide().pendingLeapMs;
  }

  acceptLeap(): void {
    const leapMs = this.pendingLeapMs();
    this.#state = acceptClock(this.#state, this.#options.runtime.monotonic());
    if (leapMs !== null) this.#options.logger.warn('An operator has accepted the leap of license time.', { leapMs });
    this.#refresh();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #onLink(link: PeerLink): void {
    const clock: PeerClock = { link, asked: undefined, reading: this.#peers.get(link.peer)?.reading };
    this.#peers.set(link.peer, clock);
    link.onClose(() => {
      if (this.#peers.get(link.peer) === clock) this.#peers.delete(link.peer);
      this.#refresh();
    });
    link.onFrame((frame) => {
      const message = decodeClock(frame);
      if (message === undefined) return;
      if (message.kind === 'question') link.send(encodeAnswer(message.id, this.#options.runtime.now()));
      else this.#onAnswer(clock, message.id, message.wallMs);
    });
    if (this.#isRunning) this.#ask(clock);
  }

  #onAnswer(clock: PeerClock, id: number, wallMs: number): void {
    const { asked } = clock;
    if (asked?.id !== id) return;
    clock.asked = undefined;
    const atMs = this.#options.runtime.monotonic();
    const roundTripMs = atMs - asked.atMs;
    if (roundTripMs > roundTripMsMax) return;
    clock.reading = { wallMs: wallMs + roundTripMs / 2, atMs };
    this.#refresh();
  }

  #exchange(): void {
    for (const clock of this.#peers.values()) this.#ask(clock);
    this.#refresh();
    this.#timer = this.#options.runtime.setTimer(this.#everyMs, () => this.#exchange());
  }

  #ask(clock: PeerClock): void {
    // One question at a time: an answer that is late is measured as late, until it counts for nothing.
    const nowMs = this.#options.runtime.monotonic();
    if (clock.asked !== undefined && nowMs - clock.asked.atMs < roundTripMsMax) return;
    clock.asked = { id: this.#questions++, atMs: nowMs };
    clock.link.send(encodeQuestion(clock.asked.id));
  }

  #others(): readonly PeerId[] {
    return this.#options.members().filter((member) => member !== this.#options.network.self);
  }

  #clockOf(peer: PeerId): number | undefined {
    const reading = this.#peers.get(peer)?.reading;
    if (reading === undefined) return undefined;
    const ageMs = this.#options.runtime.monotonic() - reading.atMs;
    return ageMs > staleExchanges * this.#everyMs ? undefined : reading.wallMs + ageMs;
  }

  #decide(): ClockDecision {
    const { runtime } = this.#options;
    const decision = decideClock(this.#state, {
      monotonicMs: runtime.monotonic(),
      clocksMs: [runtime.now(), ...this.#others().flatMap((peer) => this.#clockOf(peer) ?? [])],
      members: this.#options.members().length,
      licenseTimeMs: this.#options.licenseTimeMs(),
    });
    this.#state = decision.state;
    return decision;
  }

  /** Tells what has changed since it was told last. */
  #refresh(): void {
    const { logger } = this.#options;
    const { isAgreed, pendingLeapMs } = this.#decide();
    const off = this.#options.members().filter((member) => this.alarmOf(member));
    const before = this.#told;
    const now = { alarms: off.join(' '), isAgreed, isLeaping: pendingLeapMs !== null };
    this.#told = now;
    if (now.alarms === before.alarms && isAgreed === before.isAgreed && now.isLeaping === before.isLeaping) return;
    if (off.length > 0 && now.alarms !== before.alarms) {
      logger.warn('Clock alarm: more than 60 s off the agreed clock.', { servers: off });
    }
    if (before.isAgreed && !isAgreed) {
      logger.warn('The clocks of too few servers agree: time goes on from the last agreement.');
    }
    if (now.isLeaping && !before.isLeaping) {
      logger.warn('License time would leap: it waits for ten minutes of agreement, or for `lic time accept`.', {
        leapMs: pendingLeapMs,
      });
    }
    for (const listener of this.#listeners) listener();
  }
}
