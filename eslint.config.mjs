import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { browserPackages, testFileGlobs } from './tooling/boundaries/table.mjs';

// Biome formats and finds what one file shows. Only what needs types, or a rule of ours, stands here.

const useRuntime =
  'Time, timers and randomness come in through the Runtime contract, so that virtual time can drive them.';
const waits = ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'];
const timers = [...waits, 'setImmediate', 'clearImmediate'];

/** @typedef {import('eslint').Linter.RuleEntry} RuleEntry */

const nodeGlobals = ['Buffer', 'process', '__dirname', '__filename', 'require'].map((name) => ({
  name,
  message:
    'This package also runs in a browser: put what needs Node in a file node.ts, chosen by the `node` condition.',
}));

/** @type {(names: readonly string[]) => { name: string; message: string }[]} */
const restrictedGlobals = (names) => names.map((name) => ({ name, message: useRuntime }));
/** @type {(names: readonly string[]) => RuleEntry} */
const restrictedCalls = (names) => [
  'error',
  {
    // Also socket.setTimeout and globalThis.setTimeout.
    selector: `CallExpression[callee.property.name=/^(${names.join('|')})$/]`,
    message: useRuntime,
  },
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: useRuntime },
  { selector: 'CallExpression[callee.name="Date"]', message: useRuntime },
  {
    selector: 'CallExpression[callee.property.name=/^(getRandomValues|randomUUID|randomBytes|randomInt)$/]',
    message: useRuntime,
  },
];

/** @type {Record<string, RuleEntry>} */
const oneRuntime = {
  'no-restricted-globals': ['error', ...restrictedGlobals([...timers, 'performance'])],
  'no-restricted-syntax': restrictedCalls(timers),
  'no-restricted-properties': [
    'error',
    ...[
      ['Date', 'now'],
      ['Math', 'random'],
      ['crypto', 'getRandomValues'],
      ['crypto', 'randomUUID'],
      ['process', 'hrtime'],
      ['process', 'uptime'],
      ['AbortSignal', 'timeout'],
    ].map(([object, property]) => ({ object, property, message: useRuntime })),
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: [
        ...['node:timers', 'node:timers/promises', 'node:perf_hooks', 'timers', 'timers/promises', 'perf_hooks'].map(
          (name) => ({
            name,
            message: useRuntime,
          }),
        ),
        {
          name: 'node:crypto',
          importNames: [
            'randomBytes',
            'randomFill',
            'randomFillSync',
            'randomInt',
            'randomUUID',
            'getRandomValues',
            'webcrypto',
          ],
          message: useRuntime,
        },
      ],
    },
  ],
};

const exempt = [
  'packages/runtime/**',
  ...testFileGlobs,
  '**/*.config.ts',
  '**/e2e/**',
  '**/bench/**',
  'examples/**',
  'tooling/**',
  '*.ts',
];

export default defineConfig(
  { ignores: ['**/dist/**', '**/coverage/**', '**/fixture/**', '**/*.mjs', '**/*.js'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.base],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-array-delete': 'error',
      '@typescript-eslint/no-base-to-string': 'error',
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-for-in-array': 'error',
      '@typescript-eslint/no-implied-eval': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unsafe-argument': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      '@typescript-eslint/require-array-sort-compare': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  { files: ['**/*.ts'], ignores: exempt, rules: oneRuntime },
  {
    // The virtual runtime and the simulator let real input and output run between two virtual instants.
    files: ['packages/testkit/src/virtual*.ts', 'packages/testkit/src/virtual*/**', 'packages/simulator/src/**'],
    ignores: exempt,
    rules: {
      'no-restricted-globals': ['error', ...restrictedGlobals([...waits, 'performance'])],
      'no-restricted-syntax': restrictedCalls(waits),
    },
  },
  {
    files: browserPackages.map((name) => `packages/${name}/src/**`),
    ignores: [...exempt, '**/node.ts', '**/node/**'],
    rules: { 'no-restricted-globals': ['error', ...restrictedGlobals([...timers, 'performance']), ...nodeGlobals] },
  },
  {
    files: [...testFileGlobs, '**/e2e/**'],
    rules: {
      // Tests read what they just parsed; the assertion is the check.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
