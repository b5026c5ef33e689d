import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Plugin } from 'esbuild';
import type { PlantedBug, SourcePatch } from './planted-bug.ts';

/** The repository's root, above the folder that this runs from. */
export const repositoryRoot = findRoot(import.meta.dirname);

/** A source with a patch in it. Throws where the patch does not fit exactly once. */
export function patched(source: string, { file, find, replace }: SourcePatch): string {
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`${file} has the planted bug's place ${places} times instead of once: ${find}`);
  return source.replace(find, () => replace);
}

/** Bundles the simulator from the sources, with a bug in them, into one file that Node runs. Answers its path. */
export async function bundleWith(bug: PlantedBug, folder: string): Promise<string> {
  const outfile = join(folder, `${bug.name}.mjs`);
  // Imported here alone, so that a bundle, which lies elsewhere, runs without it.
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(repositoryRoot, 'packages/simulator/src/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@lic/source'],
    external: ['esbuild'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'error',
    plugins: [plant(bug)],
  });
  return outfile;
}

function plant(bug: PlantedBug): Plugin {
  const applied = new Set<SourcePatch>();
  return {
    name: 'planted bug',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const patches = bug.patches.filter(({ file }) => relative(repositoryRoot, path) === file);
        if (patches.length === 0) return undefined;
        for (const patch of patches) applied.add(patch);
        return { contents: patches.reduce(patched, readFileSync(path, 'utf8')), loader: 'ts' };
      });
      builder.onEnd(() => {
        for (const patch of bug.patches)
          if (!applied.has(patch))
            throw new Error(`${patch.file} is not part of the simulator: ${bug.name} was not planted`);
      });
    },
  };
}

function findRoot(from: string): string {
  let folder = from;
  while (!existsSync(join(folder, 'pnpm-workspace.yaml'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`No repository above ${from}: planted bugs need the sources.`);
    folder = parent;
  }
  return folder;
}
