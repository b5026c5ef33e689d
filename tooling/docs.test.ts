import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const documents = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));

const linkPattern = /\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g;

it.each(documents)('every link of %s leads to something', (document) => {
  const text = readFileSync(join(root, document), 'utf8');
  const dead = [...text.matchAll(linkPattern)]
    .map(([, target]) => target as string)
    .filter((target) => !existsSync(join(root, dirname(document), target)));
  expect(dead).toEqual([]);
});
