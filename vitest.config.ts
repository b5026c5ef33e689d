import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { testFileGlobs } from './tooling/boundaries/table.mjs';
import { packageFolders } from './tooling/packages.mjs';
import { root } from './tooling/process.mjs';

// Tests read the sources of every package, so they need no build.
const conditions = ['@lic/source', 'module', 'node', 'development|production'];

// The command's tests start servers as processes of their own: they come last and one file at a time, so that they have
// the machine to themselves.
const alone = { sequence: { groupOrder: 1 }, fileParallelism: false };

const projects = [...packageFolders(), join(root, 'tooling')].map((folder) => ({
  extends: true as const,
  test: {
    name: basename(folder),
    root: folder,
    include: ['**/*.test.ts'],
    ...(basename(folder) === 'server' ? alone : {}),
  },
}));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    passWithNoTests: true,
    // Time is virtual where it matters; this bounds what hangs, on a machine that is busy with other things.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects,
    coverage: { provider: 'v8', include: ['packages/*/src/**', 'apps/*/src/**'], exclude: testFileGlobs },
  },
});
