import { drawSchedule, type Schedule } from '../simulation/schedule.ts';
import { runSchedule, type SeedResult } from './seeds.ts';

/** What a process of the pool is told to run: a seed, or a schedule. */
export interface WorkerTask {
  readonly seed: number;
  readonly seconds: number;
  readonly traceLines: number;
  /** Instead of the seed's own. */
  readonly schedule?: Schedule;
}

/** The argument that makes the simulator's program a process of the pool. */
export const workerArgument = '--worker';

/** Does one task. */
export function runTask({ seed, seconds, traceLines, schedule }: WorkerTask): Promise<SeedResult> {
  return runSchedule(schedule ?? drawSchedule(seed, seconds), { traceLines });
}

/** The life of a process of the pool: runs what its parent sends, and ends with it. */
export function work(): void {
  process.on('message', (task: WorkerTask) => {
    void runTask(task).then((result) => process.send?.(result));
  });
  process.on('disconnect', () => process.exit());
}
