import type { UserConfig } from 'tsdown';

/**
 * The client for browsers, Deno and Bun as one file. Only what it uses is kept of each folder, so that no import of
 * Node's modules is left: no module of ours does anything by being loaded.
 */
export const webClient = {
  entry: { 'client-web': 'src/client/web.ts' },
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  fixedExtension: false,
  treeshake: { moduleSideEffects: false },
  deps: { neverBundle: [/^node:/], alwaysBundle: ['fastest-levenshtein'], onlyBundle: ['fastest-levenshtein'] },
  dts: true,
  clean: false,
} satisfies UserConfig;
