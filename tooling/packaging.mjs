// Packs every package as it would be published, and checks that what comes out can be imported, with its types.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { manifestOf, packageFolders } from './packages.mjs';
import { capture } from './process.mjs';

/** Every package is ESM only: how older resolutions or `require` would fare is not its concern. */
const ignoredResolutions = ['node10', 'node16-cjs'];

/**
 * What is wrong with a packed package, in sentences.
 *
 * @param {Buffer} tarball
 * @returns {Promise<string[]>}
 */
const problemsOf = async (tarball) => {
  const bytes = new Uint8Array(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  const found = messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
  // A command has no types to import.
  if (pkg.bin !== undefined) return found;
  const analysis = await checkPackage(createPackageFromTarballData(bytes));
  if (analysis.types === false) return [...found, 'It has no types.'];
  const concerning = analysis.problems.filter(
    (problem) => !('resolutionKind' in problem && ignoredResolutions.includes(problem.resolutionKind)),
  );
  return [...found, ...concerning.map((problem) => JSON.stringify(problem))];
};

const folder = mkdtempSync(join(tmpdir(), 'lic-pack-'));
try {
  const published = packageFolders()
    .map(manifestOf)
    .filter((manifest) => manifest.private !== true);
  const filters = published.map(({ name }) => `--filter=${name}`);
  const packed = await capture('pnpm', ['-r', ...filters, 'pack', '--pack-destination', folder]);
  const tarballs = readdirSync(folder);
  if (!packed.ok || tarballs.length !== published.length) {
    console.log(`Packed ${tarballs.length} of ${published.length} packages:\n${packed.output}`);
    process.exitCode = 1;
  }
  for (const name of tarballs) {
    const problems = await problemsOf(readFileSync(join(folder, name)));
    if (problems.length > 0) process.exitCode = 1;
    for (const problem of problems) console.log(`${name}: ${problem}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
