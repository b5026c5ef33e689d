import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ScriptRunner } from './script-runner.ts';

const folder = join(import.meta.dirname, 'scripts');
const isUpdating = process.env['UPDATE'] === '1';

// UPDATE=1 rewrites the expected output; read the difference before it is committed.
it.each(readdirSync(folder).filter((name) => name.endsWith('.txt')))('the script %s runs as it says', (name) => {
  const file = join(folder, name);
  const script = readFileSync(file, 'utf8');
  const output = new ScriptRunner().run(script);
  if (isUpdating) writeFileSync(file, output);
  else expect(output).toBe(script);
});
