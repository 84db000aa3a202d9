import { didYouMean, quoted } from '../../names.ts';
import type { EnsembleRule } from '../../rule.ts';
import { mappings, stepsOf } from '../../steps.ts';

export const unknownTensor: EnsembleRule = {
  code: 'ensemble/unknown-tensor',
  severity: 'error',
  scope: 'ensemble',
  summary: 'The keys of `input_map` and `output_map` are inputs and outputs of the member.',
  why: 'In both maps the key is the name in the member and the value the name in the ensemble; they are easily swapped. Triton refuses a key that the member does not have.',
  fix: 'Use the name from the config of the member as `key`, and the name in the ensemble as `value`.',
  *check(model) {
    for (const step of stepsOf(model)) {
      const { member, modelName, index, path } = step;
      if (member === undefined) continue;
      for (const [field, kind] of [
        ['input_map', 'input'],
        ['output_map', 'output'],
      ] as const) {
        if (member.leavesOpen(kind)) continue;
        const names = (member.config[kind] ?? []).map((one) => one.name ?? '');
        for (const { key, tensor } of mappings(step, field)) {
          if (names.includes(key)) continue;
          const swapped = names.includes(tensor) ? `; key and value look swapped` : didYouMean(key, names);
          const own = names.length === 0 ? `which has no ${kind}` : `which has ${quoted(names)}`;
          const message = `step ${index} maps ${kind} '${key}' of ${modelName}, ${own}${swapped}`;
          yield { path: `${path}.${field}[${JSON.stringify(key)}].key`, message };
        }
      }
    }
  },
};
