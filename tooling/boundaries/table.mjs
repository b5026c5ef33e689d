/**
 * Who may import whom: each package with those of ours that its sources may name. Only where this says "everything" is a
 * concrete transport or consensus named, and nothing imports those.
 *
 * @type {Record<string, readonly string[] | 'everything'>}
 */
export const mayImport = {
  'packages/interfaces': [],
  'packages/runtime': ['packages/interfaces'],
  'packages/core': ['packages/interfaces'],
  'packages/consensus': ['packages/interfaces'],
  'packages/transport-tcp': ['packages/interfaces'],
  'packages/transport-ws': ['packages/interfaces'],
  'packages/testkit': ['packages/interfaces'],
  'packages/protocol': ['packages/interfaces', 'packages/core'],
  'packages/client': ['packages/interfaces', 'packages/protocol', 'packages/core', 'packages/runtime'],
  'packages/server-app': ['packages/interfaces', 'packages/protocol', 'packages/core'],
  'packages/simulator': 'everything',
  'apps/server': 'everything',
  'examples/compare-service': ['packages/client', 'packages/transport-tcp', 'packages/transport-ws'],
};

/** What tests may import besides: the compliance suites and the real runtime, which import the contracts alone. */
export const testsMayImport = ['packages/testkit', 'packages/runtime'];

/** Packages that also run in a browser: only a file named `node.ts` or a folder `node/` in them may import `node:`. */
export const browserPackages = ['interfaces', 'runtime', 'core', 'protocol', 'client'];

/**
 * Which files are tests or serve only them: `x.test.ts`, `x.test.fixture.ts`, and all in a folder `testing` or `bench`.
 * They are not published, and may import what tests may.
 */
export const testFile = '[.]test[.]|/(testing|bench)/';
export const testFileGlobs = ['**/*.test.ts', '**/*.test.*.ts', '**/testing/**', '**/bench/**'];
