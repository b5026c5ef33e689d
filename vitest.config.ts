import { existsSync, readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Tests read the sources of every package, so they need no build.
const conditions = ['@lic/source', 'module', 'node', 'development|production'];

const folders = ['packages', 'apps', 'examples'].flatMap((parent) =>
  existsSync(parent) ? readdirSync(parent).map((name) => ({ name, root: `${parent}/${name}` })) : [],
);

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    passWithNoTests: true,
    projects: [...folders, { name: 'tooling', root: 'tooling' }].map(({ name, root }) => ({
      extends: true as const,
      test: { name, root, include: ['**/*.test.ts'] },
    })),
  },
});
