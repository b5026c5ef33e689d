import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = fileURLToPath(new URL('../', import.meta.url));

const environment = {
  ...process.env,
  PATH: [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
};

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
let stopping = false;

/**
 * Signals are for the commands, which alone know how to stop in order; this process ends once they have. Ctrl-C reaches
 * them without help, as it goes to the whole group of processes.
 */
const leaveSignalsToChildren = () => {
  if (process.listeners('SIGTERM').includes(onTerminate)) return;
  process.on('SIGTERM', onTerminate);
  process.on('SIGINT', onInterrupt);
  // npm passes SIGTERM on to a shell, which dies of it and tells nobody.
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) onTerminate();
  }, 500).unref();
};

const onInterrupt = () => {
  stopping = true;
};

const onTerminate = () => {
  stopping = true;
  for (const child of children) child.kill('SIGTERM');
};

/**
 * Runs a command from the root and resolves to its exit code, null where it could not be run or a signal ended it.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @param {(chunk: Buffer) => void} [onOutput]
 * @returns {Promise<number | null>}
 */
const launch = (command, args, options, onOutput) =>
  new Promise((resolve) => {
    leaveSignalsToChildren();
    const child = spawn(command, args, { cwd: root, ...options });
    children.add(child);
    if (onOutput !== undefined) {
      child.stdout?.on('data', onOutput);
      child.stderr?.on('data', onOutput);
    }
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      children.delete(child);
      resolve(null);
    });
    child.on('close', (code) => {
      children.delete(child);
      resolve(code);
    });
  });

/**
 * Runs a command from the root, its output kept until it has ended. Asked to stop, this process ends with the command:
 * what was to come after it is no longer wanted.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<{ ok: boolean; output: string; seconds: number }>}
 */
export const capture = async (command, args) => {
  const startedMs = performance.now();
  /** @type {Buffer[]} */
  const chunks = [];
  const env = { ...environment, NO_COLOR: '1' };
  const code = await launch(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }, (chunk) => chunks.push(chunk));
  if (stopping) process.exit(1);
  const seconds = (performance.now() - startedMs) / 1000;
  return { ok: code === 0, output: Buffer.concat(chunks).toString(), seconds };
};

/**
 * Runs a command from the root in this terminal and resolves to its exit code.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Record<string, string>} [env]
 * @returns {Promise<number>}
 */
export const attach = async (command, args, env = {}) =>
  (await launch(command, args, { env: { ...environment, ...env }, stdio: 'inherit' })) ?? 1;
