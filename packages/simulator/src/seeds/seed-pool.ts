import { type ChildProcess, fork } from 'node:child_process';
import { runtime } from '@lic/runtime';
import { runTask, type WorkerTask, workerArgument } from './seed-worker.ts';
import type { SeedResult } from './seeds.ts';

/** Runs tasks, several at once. */
export interface SeedPool {
  /** Resolves with what came of it, also where its process died or never came to an end. */
  run(task: WorkerTask): Promise<SeedResult>;
  close(): void;
}

/** A run that takes longer hangs: none takes a hundredth of it. Real milliseconds. */
const taskMsMax = 300_000;

/**
 * One process for each of `jobs`; with one job everything is run right here. `program`: another bundle of the simulator than this one;
 * it always runs in processes of its own.
 */
export function seedPool(jobs: number, program?: string): SeedPool {
  if (jobs === 1 && program === undefined) return { run: runTask, close: () => {} };
  const idle: Worker[] = [];
  const all: Worker[] = [];
  return {
    async run(task) {
      const worker = idle.pop() ?? startWorker(program ?? (process.argv[1] as string));
      if (!all.includes(worker)) all.push(worker);
      const result = await worker.run(task);
      if (worker.isAlive()) idle.push(worker);
      return result;
    },
    close() {
      for (const worker of all) worker.end();
    },
  };
}

interface Worker {
  run(task: WorkerTask): Promise<SeedResult>;
  isAlive(): boolean;
  end(): void;
}

function startWorker(program: string): Worker {
  const child: ChildProcess = fork(program, [workerArgument], { serialization: 'advanced' });
  let isAlive = true;
  child.on('exit', () => {
    isAlive = false;
  });
  return {
    isAlive: () => isAlive,
    end: () => child.kill(),
    run: (task) =>
      new Promise((resolve) => {
        const settle = (result: SeedResult): void => {
          timer.cancel();
          child.off('message', settle).off('exit', died);
          resolve(result);
        };
        const died = (code: number | null, signal: string | null): void =>
          settle(lost(task, `its process ended with ${code ?? signal}`));
        const timer = runtime.setTimer(taskMsMax, () => {
          isAlive = false;
          child.kill('SIGKILL');
          settle(lost(task, `it did not come to an end within ${taskMsMax / 1_000} s`));
        });
        child.on('message', settle).on('exit', died);
        child.send(task);
      }),
  };
}

/** What a run that was lost has broken: no promise of the product's, as far as anybody knows. */
const lostPromise = 'lost';

function lost({ seed, seconds }: WorkerTask, message: string): SeedResult {
  return {
    seed,
    seconds,
    violation: { promise: lostPromise, message: `${lostPromise}: ${message}` },
    events: 0,
    virtualMs: 0,
    entries: 0,
    grants: 0,
    terms: 0,
    judged: 0,
    faults: {},
    deeds: {},
    rarePaths: {},
    traceHash: '',
    trace: [],
  };
}
