import { defineConfig, type Options } from 'tsup';

/**
 * How every package is bundled: JavaScript only, declarations come from one `tsc -b` at the root.
 *
 * Nothing is cleaned, since a removed declaration would leave `tsc -b` believing that it is up to date; `npm run clean`
 * removes both. Subpath imports (`#crypto`) stay imports, so that the consumer's conditions choose between them.
 */
export const preset = (options: Pick<Options, 'entry' | 'platform'> = {}) =>
  defineConfig({
    entry: ['src/index.ts'],
    platform: 'node',
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    dts: false,
    clean: false,
    silent: true,
    removeNodeProtocol: false,
    external: [/^node:/, /^#/],
    ...options,
  });
