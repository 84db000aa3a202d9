import { nativeMark } from '../../backends.ts';
import type { EnsembleRule } from '../../rule.ts';
import { stepsOf } from '../../steps.ts';

export const hotPath: EnsembleRule = {
  code: 'python/hot-path',
  severity: 'warning',
  scope: 'ensemble',
  summary: 'No step of an ensemble runs text through a Python model that could run natively.',
  why: 'Every request then crosses into another process and the interpreter lock; users have measured the Python backend at a sixth of the speed of direct calls. A tokenizer that conch compiled carries a mark by which its own server and proxy run it natively.',
  fix: 'Compile the tokenizer with conch, tokenize in front of Triton (`conch proxy` does), or give the Python model several instances.',
  *check(model) {
    const seen = new Set<string>();
    for (const { member, modelName, path, index } of stepsOf(model)) {
      if (member?.backend !== 'python' || seen.has(modelName)) continue;
      const takesText = (member.config.input ?? []).some((one) => one.data_type === 'TYPE_STRING');
      if (!takesText || member.written.parameters?.[nativeMark] !== undefined) continue;
      seen.add(modelName);
      yield {
        path: `${path}.model_name`,
        message: `step ${index} runs text through the Python model ${modelName} on every request`,
      };
    }
  },
};
