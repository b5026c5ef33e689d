import type { Runtime, Timer } from '@lic/interfaces';

/** What {@link watchSilence} needs. */
export interface SilenceWatchOptions {
  readonly runtime: Runtime;
  readonly pingAfterMs: number;
  readonly silenceMsMax: number;
  /** Differs from its last answer if something was heard since. */
  readonly heard: () => number;
  /** Whether the connection is being read: what is not read can't be heard. */
  readonly isReading: () => boolean;
  readonly ping: () => void;
  /** Called once, when the silence has lasted `silenceMsMax` (and at most `pingAfterMs` longer). */
  readonly onSilent: () => void;
}

/**
 * Probes a silent connection and finds one that is half-open. It counts turns of `pingAfterMs` without traffic, not
 * time, so that a stall of this process is never taken for the other side's silence.
 */
export function watchSilence(options: SilenceWatchOptions): Timer {
  const { runtime, pingAfterMs, heard } = options;
  const quietTurnsMax = Math.max(2, Math.ceil(options.silenceMsMax / pingAfterMs));
  let heardBefore = heard();
  let quietTurns = 0;
  const turn = (): void => {
    const heardNow = heard();
    const isQuiet = heardNow === heardBefore;
    heardBefore = heardNow;
    const isReading = options.isReading();
    quietTurns = isQuiet && isReading ? quietTurns + 1 : 0;
    if (quietTurns >= quietTurnsMax) options.onSilent();
    else {
      timer = runtime.setTimer(pingAfterMs, turn, { keepAlive: false });
      // A side that does not read answers no probes either: it says by itself that it is there.
      if (isQuiet || !isReading) options.ping();
    }
  };
  let timer = runtime.setTimer(pingAfterMs, turn, { keepAlive: false });
  return { cancel: () => timer.cancel() };
}
