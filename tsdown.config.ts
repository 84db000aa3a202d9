import { defineConfig } from 'tsdown';
import { webClient } from './tsdown.web.ts';

export default defineConfig([
  // One output file a source file: worker threads and the deployment file's `conch-triton` are found by their paths.
  {
    entry: ['src/**/*.ts', '!src/**/*.test.ts', '!src/**/testing.ts', '!src/**/{testing,fixtures}/**'],
    unbundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    fixedExtension: false,
    dts: true,
    clean: true,
  },
  webClient,
]);
