import type { ModelRule } from '../../rule.ts';

export const configMissing: ModelRule = {
  code: 'repository/config-missing',
  severity: 'warning',
  summary: 'A model folder has a config.pbtxt.',
  why: 'Without the file Triton guesses: the backend from the files of the first version, tensors and batch size from the model where the backend can read them. A server started with `--disable-auto-complete-config` refuses the model, and what was guessed changes with the model file.',
  fix: 'Write the file out: `conch config infer <model>` prints what Triton would guess.',
  *check(model) {
    if (model.entry.parsed !== undefined || model.completed.problems.length > 0) return;
    const { backend, platform } = model.config;
    yield { message: `${model.name} has no config.pbtxt; Triton guesses backend ${backend || platform}` };
  },
};
