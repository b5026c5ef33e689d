import type { PeerId } from '@lic/interfaces';

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
  /** What a command is stamped with now, UTC ms: agreed clock, or elapsed time while a leap is not accepted. */
  stampMs(): number;
  /** This server's wall clock is more than 60 s off the agreed one. */
  readonly alarm: boolean;
  alarmOf(peer: PeerId): boolean;
  reports(): readonly ClockReport[];
  /** How far the agreed clock is ahead of license time beyond elapsed time, where that is more than an hour and not accepted; else null. */
  pendingLeapMs(): number | null;
  /** An operator accepts the leap: from now on the agreed clock counts. */
  acceptLeap(): void;
  onChange(listener: () => void): void;
}
