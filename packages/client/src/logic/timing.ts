/** What the logic waits for, in milliseconds. Products set some of them, see `ClientOptions`. */
export interface LogicTiming {
  /** How long a request looks for a server in control (triad.md, Failover). */
  readonly controlWaitMs: number;
  /** Between the first dials of a search, so that a healthy primary is not accompanied by two idle connections. */
  readonly staggerMs: number;
  /** Pause before the second dial of an address; doubled each time, with a jitter of half of it, up to `redialMsMax`. */
  readonly redialMsMin: number;
  readonly redialMsMax: number;
}

export const defaultTiming: LogicTiming = {
  controlWaitMs: 10_000,
  staggerMs: 50,
  redialMsMin: 100,
  redialMsMax: 15_000,
};

/** Until a welcome says otherwise (triad.md, Failover, profile `lan`). */
export const repeatAfterMsDefault = 250;
/** Until a welcome says otherwise (triad.md, Time). */
export const leaseMsDefault = 60_000;
/** A connection silent for so many times `repeatAfterMs`, with no better server known, is dialled anew beside the old one. */
export const staleFactor = 4;
/** However slow a server was, its silence is not waited for longer than this before it is dialled anew. */
export const staleMsMax = 10_000;
/** A stand-by that names a server in control which can't be reached is asked to relay after so many times `repeatAfterMs`. */
export const relayFactor = 2;
/** Wall and monotonic clock may part by so much between two answers; beyond, the machine slept or was set (triad.md, Time, Lost). */
export const clockPartingMsMax = 1_000;
/** So long an answer is awaited after such a parting before `lost`. */
export const clockPartingGraceMs = 5_000;
/** The client's own limit of a wait in the queue comes so much after the server's, which knows more to say. */
export const waitGraceMs = 1_000;
/** `close()` and disposal wait no longer than this (architecture.md, public surface). */
export const closeWaitMs = 2_000;
/** An announced move that has not come for so long is forgotten. */
export const movingMsMax = 15_000;
/** Requests of one session under way at once; more wait their turn here. */
export const requestsInFlightMax = 512;
/** A session that holds nothing is not asked for again after this part of the default lease: it may be ending. */
export const idleSessionFraction = 0.75;
