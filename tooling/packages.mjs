import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './process.mjs';

/** The folders of all packages, as absolute paths. @returns {string[]} */
export const packageFolders = () =>
  ['packages', 'apps', 'examples']
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
    .filter((folder) => existsSync(join(folder, 'package.json')));

/** @typedef {Record<string, string>} Dependencies */

/**
 * What a folder's package.json says.
 *
 * @param {string} folder
 * @returns {{ name: string; version: string; private?: boolean; license?: string; type?: string;
 *   engines?: { node?: string }; dependencies?: Dependencies; devDependencies?: Dependencies }}
 */
export const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
