import { vi } from 'vitest';
import { run } from '../main.ts';

/** What a command came to, run in this process. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `work` and answers its value with all that it wrote. */
export async function printedBy<Value>(work: () => Promise<Value> | Value) {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    }),
  );
  try {
    const value = await work();
    return { value, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** `lic` with these arguments, in this process. */
export async function lic(...args: readonly string[]): Promise<Printed> {
  const { value, stdout, stderr } = await printedBy(() => run(args));
  return { code: value, stdout, stderr };
}
