#!/usr/bin/env node
// Committed, since package managers link a bin at install, before anything is built.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) {
  const { run } = await import(main.href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write('lic: not built yet: npm run build\n');
  process.exitCode = 2;
}
