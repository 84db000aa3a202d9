import { seeded } from '../random.ts';
import { type Case, config, ensemble, pythonModel } from './case.ts';

const tensors =
  'platform: "ensemble" input { name: "in" data_type: TYPE_FP32 dims: 4 } output { name: "out" data_type: TYPE_FP32 dims: 4 }';
const steps = ['a', 'b'].map(
  (model, index) =>
    `step { model_name: "${model}" model_version: -1 input_map { key: "x" value: "${index ? 'mid' : 'in'}" } output_map { key: "y" value: "${index ? 'out' : 'mid'}" } }`,
);

/** A good repository that has a little of everything, to be spoilt. */
const good: Case['files'] = {
  ...pythonModel(
    'a',
    config(
      'max_batch_size: 8 dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 } instance_group { kind: KIND_CPU count: 1 } version_policy { latest { num_versions: 1 } } parameters { key: "p" value { string_value: "v" } }',
    ),
  ),
  ...pythonModel(
    'b',
    config('max_batch_size: 8 optimization { priority: PRIORITY_MAX } response_cache { enable: false }'),
  ),
  ...ensemble('e', `${tensors} max_batch_size: 8 ensemble_scheduling { ${steps.join(' ')} }`),
};

const replacements = [
  '0',
  '1',
  '-1',
  '7',
  '4294967296',
  '""',
  '"a"',
  '"x"',
  '"mid"',
  'TYPE_INT32',
  'KIND_GPU',
  'true',
  '[',
  ']',
  '{',
  '}',
  ':',
  ',',
  '#',
  'name',
  'dims',
  'max_batch_size',
];

/**
 * `count` repositories, each the good one with one to three tokens of one configuration dropped, doubled, exchanged or
 * replaced. The same seed gives the same repositories.
 */
export function mutations(seed: number, count: number): Case[] {
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  return Array.from({ length: count }, (_, index) => {
    const path = `${pick(['a', 'b', 'e'])}/config.pbtxt`;
    const tokens = good[path]!.match(/"[^"]*"|[\w.-]+|[^\s\w]/g)!;
    for (let round = 0; round <= Math.floor(random() * 3); round++) {
      const at = Math.floor(random() * tokens.length);
      const kind = random();
      if (kind < 0.3) tokens.splice(at, 1);
      else if (kind < 0.45) tokens.splice(at, 0, tokens[at]!);
      else if (kind < 0.6) tokens[at] = pick(tokens);
      else tokens[at] = pick(replacements);
    }
    return { name: `mutation ${seed}/${index}`, files: { ...good, [path]: `${tokens.join(' ')}\n` } };
  });
}
