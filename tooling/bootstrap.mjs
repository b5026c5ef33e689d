// Runs on a fresh clone, with nothing but Node and npm: imports only what Node brings.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, utimesSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const installed = new URL('node_modules/.modules.yaml', root);

/** The time of a file's last change in milliseconds; 0 where there is no such file. @param {URL} file */
const changedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** What tests need besides Node, by command: the Debian package that brings it. Without it those tests are skipped. */
const debianPackages = { spin: 'spin', cc: 'gcc' };

/** Where LIC_CI is set no test may be skipped for what it needs, so that is installed. What fails here fails there, by name. */
const installForTests = () => {
  const wanted = Object.entries(debianPackages)
    .filter(([command]) => spawnSync('which', [command], { stdio: 'ignore' }).status !== 0)
    .map(([, name]) => name);
  if (wanted.length === 0) return;
  console.log(`Installing ${wanted.join(', ')} for the tests`);
  const apt = (/** @type {string[]} */ ...args) =>
    spawnSync('apt-get', ['-qq', '-y', ...args], { stdio: 'inherit' }).status;
  if (apt('update') !== 0 || apt('install', '--no-install-recommends', ...wanted) !== 0)
    console.error(`Installing ${wanted.join(', ')} failed: the tests that need it will be skipped, which fails them.`);
};

/** Installs the dependencies that the lockfile names, unless they are in place. Ends the process where that fails. */
export const bootstrap = () => {
  if (process.env.LIC_CI === '1') installForTests();
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
