import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../process.mjs';

test('whatever does not pass is counted, and a skip carries its reason', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lic-outcome-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'outcome.json');

  const fixture = join(root, 'tooling/vitest/fixture');
  const args = [
    'run',
    '--config',
    join(fixture, 'vitest.config.ts'),
    '--reporter',
    join(root, 'tooling/vitest/outcome-reporter.ts'),
  ];
  spawnSync(join(root, 'node_modules/.bin/vitest'), args, { cwd: fixture, env: { ...process.env, LIC_OUTCOME: file } });

  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    passed: 2,
    // The test that fails, the hook and the test behind it, the file that can't be loaded, the error left behind.
    failed: 5,
    skipped: [
      { name: 'fixture: notes why it skips', reason: 'the moon is full' },
      { name: 'fixture: says nothing', reason: '' },
      { name: 'fixture: etcd (needs etcd-server) > elects', reason: 'needs etcd-server' },
    ],
  });
});
