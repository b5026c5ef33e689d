import type { Runtime } from '@lic/interfaces';

/** Lets so much time go by on a process's own clock; never resolves once that process is killed. */
export function sleep(runtime: Runtime, forMs: number): Promise<void> {
  return new Promise((resolve) => {
    runtime.setTimer(forMs, resolve);
  });
}
