import { ESLint } from 'eslint';
import { expect, test, vi } from 'vitest';
import { root } from './process.mjs';

// The first test of each package waits for its types.
vi.setConfig({ testTimeout: 120_000 });

const eslint = new ESLint({ cwd: root });

/** The rules that a text would break if it stood in that file. */
const broken = async (filePath: string, text: string): Promise<string[]> => {
  const [result] = await eslint.lintText(text, { filePath });
  return (result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message);
};

const ambient = [
  ['Date.now()', 'no-restricted-properties'],
  ['Math.random()', 'no-restricted-properties'],
  ['crypto.randomUUID()', 'no-restricted-syntax'],
  ['new Date()', 'no-restricted-syntax'],
  ['performance.now()', 'no-restricted-globals'],
  ['setTimeout(() => {}, 1)', 'no-restricted-globals'],
  ['setImmediate(() => {})', 'no-restricted-globals'],
  ['globalThis.setInterval(() => {}, 1)', 'no-restricted-syntax'],
  ['AbortSignal.timeout(1)', 'no-restricted-properties'],
] as const;

test.each(ambient)('%s belongs in the runtime package alone', async (text, rule) => {
  const source = `export const value = () => ${text};\n`;
  expect(await broken('packages/transport-tcp/src/index.ts', source)).toContain(rule);
  expect(await broken('packages/runtime/src/node.ts', source)).toEqual([]);
});

test('the simulator may let real input and output run, and no more', async () => {
  expect(await broken('packages/simulator/src/main.ts', 'setImmediate(() => {});\n')).toEqual([]);
  expect(await broken('packages/simulator/src/main.ts', 'setTimeout(() => {}, 1);\n')).toEqual([
    'no-restricted-globals',
  ]);
});

test('what runs in a browser names no global of Node', async () => {
  const source = 'export const size = (text: string) => Buffer.byteLength(text);\n';
  expect(await broken('packages/interfaces/src/index.ts', source)).toEqual(['no-restricted-globals']);
  expect(await broken('packages/transport-tcp/src/index.ts', source)).toEqual([]);
});

test('a promise that nobody waits for is an error', async () => {
  const source = 'const work = async () => {};\nwork();\n';
  expect(await broken('packages/interfaces/src/index.ts', source)).toEqual(['@typescript-eslint/no-floating-promises']);
});
