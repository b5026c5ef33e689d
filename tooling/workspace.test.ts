import { readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { mayImport, testsMayImport } from './boundaries/table.mjs';
import { manifestOf, packageFolders } from './packages.mjs';
import { root } from './process.mjs';

const folderOf = new Map(packageFolders().map((folder) => [manifestOf(folder).name, relative(root, folder)]));
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const ours = (dependencies: Record<string, string> = {}) =>
  Object.keys(dependencies).flatMap((name) => folderOf.get(name) ?? []);

test('the import table names every package', () => {
  expect(Object.keys(mayImport).sort()).toEqual([...folderOf.values()].sort());
});

test('the root type-checks every package', () => {
  const referenced = read('tsconfig.json').references.map(({ path }: { path: string }) => path);
  expect(referenced.sort()).toEqual([...folderOf.values(), 'tooling'].sort());
});

describe.each([...folderOf])('%s', (name, folder) => {
  const manifest = manifestOf(join(root, folder));
  const allowed = mayImport[folder];

  test('has the license, the engines, the version and the module type of all', () => {
    const { license, engines } = read('package.json');
    const { version } = manifestOf(join(root, 'packages/interfaces'));
    expect(manifest).toMatchObject({ version, license, engines, type: 'module' });
    expect(name).toBe(`@lic/${basename(folder)}`);
  });

  test('depends on nothing that the import table forbids', () => {
    if (allowed === 'everything') return;
    expect(allowed).toEqual(expect.arrayContaining(ours(manifest.dependencies)));
    expect([...(allowed ?? []), ...testsMayImport]).toEqual(expect.arrayContaining(ours(manifest.devDependencies)));
  });

  test('has project references that mirror its dependencies', () => {
    const { references = [] } = read(`${folder}/tsconfig.json`);
    const referenced = references.map(({ path }: { path: string }) => join(folder, path));
    const dependencies = [...ours(manifest.dependencies), ...ours(manifest.devDependencies)];
    expect(referenced.sort()).toEqual(dependencies.sort());
  });
});
