import { browserPackages, mayImport, testFile, testsMayImport } from './tooling/boundaries/table.mjs';

const ours = '^(packages|apps|examples)/[^/]+/';
/** @type {(names: readonly string[]) => string} */
const folders = (names) => `^(${names.join('|')})/`;

/** The two rules of one package: what its sources may import, and what its tests may import besides. */
const importTable = Object.entries(mayImport).flatMap(([folder, allowed]) => {
  const never = ['apps/server', 'packages/simulator', 'examples/compare-service'].filter((name) => name !== folder);
  /** @type {(name: string, from: object, to: object) => import('dependency-cruiser').IForbiddenRuleType} */
  const rule = (name, from, to) => ({
    name: `${folder.split('/')[1]}-${name}`,
    comment: `The import table in tooling/boundaries/table.mjs says what ${folder} may import.`,
    severity: 'error',
    from: { path: `^${folder}/`, ...from },
    to,
  });
  if (allowed === 'everything') return [rule('imports', {}, { path: folders(never) })];
  const fromTests = folder === 'packages/interfaces' ? [] : testsMayImport;
  return [
    rule('imports', { pathNot: testFile }, { path: ours, pathNot: folders([folder, ...allowed]) }),
    rule(
      'tests-import',
      { path: `^${folder}/.*(${testFile})` },
      { path: ours, pathNot: folders([folder, ...allowed, ...fromTests]) },
    ),
  ];
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...importTable,
    {
      name: 'in-the-table',
      comment: 'A new package is added to the import table in tooling/boundaries/table.mjs first.',
      severity: 'error',
      from: { path: ours, pathNot: folders(Object.keys(mayImport)) },
      to: {},
    },
    {
      name: 'contracts-import-nothing',
      comment: 'The contracts stand alone: no package of ours, none of others, no built-in.',
      severity: 'error',
      from: { path: '^packages/interfaces/src/', pathNot: testFile },
      to: { pathNot: '^packages/interfaces/src/' },
    },
    {
      name: 'browser-packages-without-node',
      comment: 'These also run in a browser: put what needs node: in a file node.ts, chosen by the `node` condition.',
      severity: 'error',
      from: { path: `^packages/(${browserPackages.join('|')})/src/`, pathNot: [testFile, '/node([.]ts$|/)'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-cycles',
      comment: 'Modules that need each other are one module, or lack a third.',
      severity: 'error',
      // Fixtures of one test world may know each other.
      from: { pathNot: testFile },
      to: { circular: true },
    },
    {
      name: 'could-not-resolve',
      comment: 'An import that resolves to nothing breaks at run time, and escapes every other rule here.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-dependencies',
      comment: 'What a package imports stands in its own package.json, else it breaks where it is installed alone.',
      severity: 'error',
      from: { path: ours, pathNot: [testFile, '[.]config[.]ts$'] },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'] },
    },
    {
      name: 'tests-are-not-imported',
      comment: 'Code under test must not lean on tests.',
      severity: 'error',
      from: { pathNot: testFile },
      to: { path: testFile },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@lic/source', 'import', 'node', 'default', 'types'],
    },
  },
};
