import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { packageFolders } from './tooling/packages.mjs';
import { root } from './tooling/process.mjs';

// Tests read the sources of every package, so they need no build.
const conditions = ['@lic/source', 'module', 'node', 'development|production'];

const projects = [...packageFolders(), join(root, 'tooling')].map((folder) => ({
  extends: true as const,
  test: { name: basename(folder), root: folder, include: ['**/*.test.ts'] },
}));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    passWithNoTests: true,
    projects,
    coverage: { provider: 'v8', include: ['packages/*/src/**', 'apps/*/src/**'], exclude: ['**/*.test.ts'] },
  },
});
