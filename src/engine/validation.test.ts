import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/index.ts';
import { validateConfig } from './validation.ts';

const io = 'input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] } output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }';
const base = `name: "m" backend: "onnxruntime" max_batch_size: 8 ${io}`;

function problems(text: string): string[] {
  const parsed = parseConfig(text);
  expect(parsed.diagnostics).toEqual([]);
  return validateConfig(parsed.config, 'm').map(({ path, message }) => `${path}: ${message}`);
}

test('a sound config has none', () => {
  expect(problems(base)).toEqual([]);
  expect(problems(`${base} dynamic_batching { preferred_batch_size: [ 4, 8 ] preserve_ordering: true }`)).toEqual([]);
  expect(problems(`name: "m" backend: "onnxruntime" ${io} dynamic_batching {}`)).toEqual([]);
});

const tensor = (text: string) => `name: "m" backend: "b" max_batch_size: 8 input { ${text} }`;
const named = (text: string) => tensor(`name: "x" data_type: TYPE_FP32 ${text}`);
const dynamic = (text: string) => `${base} dynamic_batching { ${text} }`;

describe('refused as by Triton', () => {
  test.each([
    ['name: "other" backend: "b"', "name: name is 'other', the model's folder is 'm'"],
    ['name: "m" backend: "b" max_batch_size: -1', 'max_batch_size: max_batch_size must not be negative, it is -1'],
    ['name: "m"', 'backend: backend is missing, and nothing tells which one it is'],
    [tensor('data_type: TYPE_FP32 dims: [ 1 ]'), 'input[0]: input 0 has no name'],
    [tensor('name: "x" dims: [ 1 ]'), "input[0].data_type: input 'x' has no data_type"],
    [named(''), "input[0]: input 'x' has no dims"],
    [named('dims: [ 2, 0 ]'), "input[0].dims[1]: input 'x': dims [2,0] may hold -1 and numbers from 1, not 0"],
    [named('dims: [ -2 ]'), "input[0].dims[0]: input 'x': dims [-2] may hold -1 and numbers from 1, not -2"],
    [
      named('dims: [ 4 ] reshape { shape: [ 0 ] }'),
      "input[0].reshape: input 'x': reshape [0] may hold -1 and numbers from 1",
    ],
    [
      named('dims: [ 4 ] reshape { shape: [ 3 ] }'),
      "input[0].reshape: input 'x': dims [4] and reshape [3] do not hold the same elements",
    ],
    [
      named('dims: [ 2, -1, 6 ] reshape { shape: [ -1, 12 ] }'),
      "input[0].reshape: input 'x': dims [2,-1,6] and reshape [-1,12] do not hold the same elements",
    ],
    [
      'name: "m" backend: "b" input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] reshape {} }',
      "input[0].reshape: input 'x': an empty reshape needs max_batch_size above 0",
    ],
    [named('dims: [ 1, 2 ] format: FORMAT_NHWC'), "input[0].format: input 'x': FORMAT_NHWC needs 3 dims, there are 2"],
    [
      dynamic('preferred_batch_size: [ 0 ]'),
      'dynamic_batching.preferred_batch_size[0]: preferred_batch_size must be above 0, it is 0',
    ],
    [
      dynamic('preferred_batch_size: [ 4, 16 ]'),
      'dynamic_batching.preferred_batch_size[1]: preferred_batch_size 16 exceeds max_batch_size 8',
    ],
    [
      dynamic('priority_levels: 2'),
      'dynamic_batching.default_priority_level: default_priority_level must be 1 to 2, it is 0',
    ],
    [
      dynamic('priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value {} }'),
      'dynamic_batching.priority_queue_policy: priority_queue_policy names level 3, there are 1 to 2',
    ],
    [
      dynamic('preserve_ordering: true priority_levels: 2 default_priority_level: 1'),
      'dynamic_batching.preserve_ordering: preserve_ordering allows one priority level, there are 2',
    ],
    [
      dynamic('preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1 }'),
      'dynamic_batching.preserve_ordering: preserve_ordering does not allow a timeout whose action is DELAY',
    ],
    ['name: "m" platform: "ensemble"', 'platform: platform is ensemble, but ensemble_scheduling is missing'],
    [
      'name: "m" platform: "ensemble" ensemble_scheduling {} instance_group { count: 1 }',
      'instance_group: an ensemble cannot have instance_group',
    ],
    [
      'name: "m" platform: "ensemble" ensemble_scheduling {} optimization {}',
      'optimization: an ensemble cannot have optimization',
    ],
    [
      'name: "m" backend: "b" platform: "ensemble" ensemble_scheduling {}',
      "backend: an ensemble has no backend, it says 'b'",
    ],
    [
      'name: "m" backend: "b" platform: "x" ensemble_scheduling {}',
      "ensemble_scheduling: ensemble_scheduling needs platform 'ensemble', it is 'x'",
    ],
    [
      `${base} instance_group { kind: KIND_GPU }`,
      'instance_group[0].kind: KIND_GPU needs a GPU; the embedded server runs on the processor',
    ],
    [
      `${base} instance_group { kind: KIND_CPU gpus: [ 0 ] }`,
      'instance_group[0].gpus: gpus needs KIND_GPU, the group is KIND_CPU',
    ],
    [`${base} instance_group { profile: [ "0" ] }`, 'instance_group[0].profile: profile is for TensorRT only'],
    [
      `${base} response_cache { enable: true } sequence_batching {}`,
      'response_cache: response_cache does not work with sequence_batching',
    ],
    [
      `${base} response_cache { enable: true } model_transaction_policy { decoupled: true }`,
      'response_cache: response_cache does not work with decoupled models',
    ],
  ])('%s', (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });
});

test('reshapes that hold the same elements are fine', () => {
  expect(problems(named('dims: [ 2, 4, -1, 6 ] reshape { shape: [ 8, -1, 1, 6 ] }'))).toEqual([]);
  expect(problems(named('dims: [ 1 ] reshape { shape: [] }'))).toEqual([]);
});
