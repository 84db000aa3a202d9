import { spawnSync } from 'node:child_process';
import { createEnvironment } from '../src/compile/index.ts';

// npm run test:torch: the tests that need PyTorch, in the environment CONCH_TORCH, else in the one that `conch env` makes.
const started = (title: string) => console.error(`${title} ...`);
const progress = {
  start(title: string) {
    started(title);
    return { update() {}, done() {}, fail() {} };
  },
};
const environment = process.env.CONCH_TORCH ?? (await createEnvironment({ progress })).dir;
const tests = [
  'test/pytorch-module.test.ts',
  'test/notebooks.test.ts',
  'test/init-templates.test.ts',
  'src/engine/backends/pytorch',
];
const { status } = spawnSync('vitest', ['run', ...tests], {
  stdio: 'inherit',
  env: { ...process.env, CONCH_TORCH: environment },
});
process.exitCode = status ?? 1;
