import { shownType } from '../../fields.ts';
import type { EnsembleRule } from '../../rule.ts';
import { shownShape } from '../../shapes.ts';
import { stepsOf } from '../../steps.ts';

export const unmappedInput: EnsembleRule = {
  code: 'ensemble/unmapped-input',
  severity: 'error',
  scope: 'ensemble',
  summary: 'Every required input of a member is mapped.',
  why: 'A step runs when all inputs of its model have a tensor. Triton refuses an ensemble that leaves one out, unless the input is `optional`.',
  fix: 'Add an entry to `input_map` of that step, or make the input optional in the member.',
  *check(model) {
    for (const { member, modelName, index, path, step } of stepsOf(model)) {
      const map = step.input_map ?? {};
      if (member === undefined || Object.keys(map).length === 0) continue;
      for (const { name = '', optional, data_type, dims = [] } of member.config.input ?? []) {
        if (optional || Object.hasOwn(map, name)) continue;
        const shape = `${shownType(data_type)} ${shownShape(dims, member.batches)}`;
        yield {
          path: `${path}.input_map`,
          message: `step ${index} does not map input '${name}' (${shape}) of ${modelName}`,
        };
      }
    }
  },
};
