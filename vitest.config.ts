import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';

// Unit tests stand beside their source; test/ holds what crosses folders, over real files, threads and sockets.
// Deployment files import the package by its name, as a user's would; here that is the source.
const alias = {
  'conch-triton/client': resolve(import.meta.dirname, 'src/client/index.ts'),
  'conch-triton': resolve(import.meta.dirname, 'src/index.ts'),
};

export default defineConfig({
  test: {
    projects: [
      { resolve: { alias }, test: { name: 'unit', include: ['src/**/*.test.ts'], testTimeout: 30_000 } },
      {
        resolve: { alias },
        test: { name: 'e2e', include: ['test/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
      },
    ],
  },
});
