import type { EnsembleRule } from '../../rule.ts';
import { mappings, stepsOf } from '../../steps.ts';

export const repeatedOutput: EnsembleRule = {
  code: 'ensemble/repeated-output',
  severity: 'error',
  scope: 'ensemble',
  summary: 'A mapped output is declared once by its member.',
  why: 'A model that declares an output twice loads by itself. In an ensemble Triton counts both declarations as written to one tensor, and refuses it.',
  fix: 'Remove the second declaration from the config of the member.',
  *check(model) {
    for (const step of stepsOf(model)) {
      const outputs = step.member?.config.output ?? [];
      for (const { key, path } of mappings(step, 'output_map')) {
        const times = outputs.filter((one) => one.name === key).length;
        if (times < 2) continue;
        yield {
          path,
          message: `step ${step.index} maps output '${key}', which ${step.modelName} declares ${times} times`,
        };
      }
    }
  },
};
