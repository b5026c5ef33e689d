import type { Runtime } from '@lic/interfaces';

/** For how long work that can wait holds everybody else up at a time, ms: far less than a round of the servers takes. */
export const sliceMs = 5;

/**
 * Carries out work that comes in steps, a slice at a time, with everybody else's turn between two slices. Throws what the work throws; a
 * step that takes longer than a slice is one by itself.
 */
export async function inSlices<Result>(
  runtime: Pick<Runtime, 'monotonic' | 'setTimer'>,
  work: Iterator<void, Result>,
): Promise<Result> {
  for (;;) {
    const beganMs = runtime.monotonic();
    do {
      const step = work.next();
      if (step.done === true) return step.value;
    } while (runtime.monotonic() - beganMs < sliceMs);
    await new Promise<void>((resolve) => {
      runtime.setTimer(0, resolve);
    });
  }
}
