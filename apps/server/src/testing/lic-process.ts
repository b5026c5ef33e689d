import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('../../bin/lic.js', import.meta.url));

/** `lic` as a process of its own, whose lines can be awaited. Needs the build. */
export class LicProcess implements AsyncDisposable {
  /** Of standard output and standard error, as they came. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #hasEnded = false;
  #onNews: () => void = () => {};

  constructor(...args: readonly string[]) {
    this.#child = spawn(process.execPath, [binary, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        this.#onNews();
      });
    }
    this.#ended = once(this.#child, 'close').then(() => {
      this.#hasEnded = true;
      this.#onNews();
      return this.#child.exitCode;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first line with `text` in it. Throws where the process ends without one; the test's own limit bounds the wait. */
  async line(text: string): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => line.includes(text));
      if (found !== undefined) return found;
      if (this.#hasEnded) throw new Error(`ended without a line with ${text}:\n${this.lines.join('\n')}`);
      await new Promise<void>((resolve) => {
        this.#onNews = resolve;
      });
    }
  }

  /** Its exit code; null where a signal ended it. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Sends a signal and awaits the end. */
  stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) await this.stop('SIGKILL');
  }
}

/** Whether a process of this id lives. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
