import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../process.mjs';

/** Files of a small repository that breaks the import table, each with the rules that it must break; none: it is fine. */
const files: Record<string, readonly [source: string, ...rules: string[]]> = {
  'packages/interfaces/src/index.ts': ['export {};'],
  'packages/interfaces/src/events.ts': [
    "import 'node:events';",
    'contracts-import-nothing',
    'browser-packages-without-node',
  ],
  'packages/core/src/index.ts': ["import '../../interfaces/src/index.ts';"],
  'packages/core/src/talks.ts': ["import '../../protocol/src/index.ts';", 'core-imports'],
  'packages/core/src/reads.ts': ["import 'node:fs';", 'browser-packages-without-node'],
  'packages/core/src/crypto/node.ts': ["import 'node:crypto';"],
  'packages/core/src/lost.ts': ["import './nowhere.ts';", 'could-not-resolve'],
  'packages/core/src/chicken.ts': ["import type {} from './egg.ts';", 'no-cycles'],
  'packages/core/src/egg.ts': ["import type {} from './chicken.ts';"],
  'packages/protocol/src/index.ts': ["import '../../core/src/index.ts';"],
  'packages/consensus/src/index.ts': ["import '../../transport-tcp/src/index.ts';", 'consensus-imports'],
  'packages/transport-tcp/src/index.ts': ['export {};'],
  'packages/transport-tcp/src/tcp.test.ts': ["import '../../testkit/src/index.ts';"],
  'packages/transport-tcp/src/testing/pair.ts': ["import '../../../testkit/src/index.ts';"],
  'packages/transport-tcp/src/tcp.test.fixture.ts': ["import './testing/pair.ts';"],
  'packages/transport-tcp/src/tested.ts': ["import './tcp.test.ts';", 'tests-are-not-imported'],
  'packages/transport-ws/src/index.ts': ["import '../../testkit/src/index.ts';", 'transport-ws-imports'],
  'packages/transport-ws/src/ws.test.ts': ["import '../../consensus/src/index.ts';", 'transport-ws-tests-import'],
  'packages/testkit/src/index.ts': ["import '../../interfaces/src/index.ts';"],
  'packages/server-app/src/index.ts': ["import '../../consensus/src/index.ts';", 'server-app-imports'],
  'packages/client/src/index.ts': ["import 'borrowed';", 'declared-dependencies'],
  'node_modules/borrowed/index.js': ['export {};'],
  'packages/newcomer/src/index.ts': ["import '../../interfaces/src/index.ts';", 'in-the-table'],
  'packages/simulator/src/main.ts': ["import '../../consensus/src/index.ts';"],
  'apps/server/src/main.ts': ["import '../../../packages/simulator/src/main.ts';", 'server-imports'],
};

test('an import that the table does not allow is an error', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lic-boundaries-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, [source]] of Object.entries({
    ...files,
    'tsconfig.json': ['{ "include": ["packages"] }'] as const,
  })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), source);
  }

  const depcruise = join(root, 'node_modules/.bin/depcruise');
  const args = ['--config', join(root, '.dependency-cruiser.mjs'), '--output-type', 'json', 'packages', 'apps'];
  const run = spawnSync(depcruise, args, { cwd: folder, encoding: 'utf8' });

  const found: Record<string, string[]> = {};
  const { summary } = JSON.parse(run.stdout) as {
    summary: { error: number; violations: { from: string; rule: { name: string } }[] };
  };
  for (const { from, rule } of summary.violations) {
    found[from] = [...(found[from] ?? []), rule.name].sort();
  }
  const expected = Object.entries(files).map(([path, [, ...rules]]) => [path, rules.sort()] as const);
  expect(found).toEqual(Object.fromEntries(expected.filter(([, rules]) => rules.length > 0)));
  expect(summary.error).toBe(summary.violations.length);
});
