import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runtime } from '@lic/runtime';
import type { TriadServer } from './triad-folder.ts';

/** A server's process. */
export interface TriadProcess {
  readonly server: TriadServer;
  readonly pid: number;
  /** Resolves when it has ended, with a sentence of how. */
  readonly ended: Promise<string>;
  readonly isRunning: boolean;
  /** Asks it to stop; answers once it has ended. */
  stop(): Promise<void>;
}

const binary = fileURLToPath(new URL('../bin/lic.js', import.meta.url));
/** A server that is asked to stop and is still there after so long is killed, ms. */
const stopMsMax = 15_000;

/**
 * Starts a server as a process in a group of its own: a Ctrl-C on the terminal reaches only the one who starts it. Its
 * standard input is a pipe from here: where this process dies, however it dies, the pipe closes and the server ends in order.
 */
export function startServer(server: TriadServer, isNew: boolean): TriadProcess {
  const log = openSync(server.logPath, 'a');
  const args = [binary, 'serve', '-c', server.configPath, '--exit-with-parent', ...(isNew ? ['--new'] : [])];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['pipe', log, log] });
  closeSync(log);
  child.stdin?.on('error', () => {});
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `exited with code ${code}` : `was ended by ${signal}`),
    );
  });
  return {
    server,
    pid: child.pid ?? 0,
    ended,
    get isRunning() {
      return isRunning(child);
    },
    async stop() {
      if (isRunning(child)) child.kill('SIGTERM');
      const late = runtime.setTimer(stopMsMax, () => child.kill('SIGKILL'));
      await ended;
      late.cancel();
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
