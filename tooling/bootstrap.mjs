// Runs on a fresh clone, with nothing but Node and npm: imports only what Node brings.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, utimesSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const installed = new URL('node_modules/.modules.yaml', root);

/** The time of a file's last change in milliseconds; 0 where there is no such file. @param {URL} file */
const changedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Installs the dependencies that the lockfile names, unless they are in place. Ends the process where that fails. */
export const bootstrap = () => {
  if (changedMs(installed) >= changedMs(new URL('pnpm-lock.yaml', root)) && changedMs(installed) > 0) return;
  const { packageManager } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  console.log(`Installing dependencies with ${packageManager}`);
  const { status, error } = spawnSync('npx', ['-y', packageManager, 'install', '--frozen-lockfile'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error(`Installing failed (${error?.message ?? `exit code ${status}`}). It needs npm and its registry.`);
    process.exit(1);
  }
  // Where nothing had to change pnpm leaves the file as old as it was, and the next command would install again.
  const now = new Date();
  utimesSync(installed, now, now);
};
