import { expect, test } from 'vitest';
import type {
  ModelSequenceBatching,
  ModelSequenceBatching_Control,
  ModelSequenceBatching_State,
} from '../../config/index.ts';
import { validateConfig } from '../validation.ts';

const state: ModelSequenceBatching_State = {
  input_name: 'h',
  output_name: 'h2',
  data_type: 'TYPE_FP32',
  dims: [2],
};
const start: ModelSequenceBatching_Control = { kind: 'CONTROL_SEQUENCE_START', int32_false_true: [0, 1] };

test.each<[string, unknown, string]>([
  ['a control without name', { control_input: [{ control: [start] }] }, 'a control input has no name'],
  [
    'a name twice',
    { control_input: [{ name: 'a', control: [start] }, { name: 'a' }] },
    "control input 'a' is listed twice",
  ],
  [
    'a kind twice',
    {
      control_input: [
        { name: 'a', control: [start] },
        { name: 'b', control: [start] },
      ],
    },
    'control START is given twice',
  ],
  [
    'no pair',
    { control_input: [{ name: 'a', control: [{ kind: 'CONTROL_SEQUENCE_END' }] }] },
    "control input 'a' needs one of int32_false_true, fp32_false_true and bool_false_true, none is given",
  ],
  [
    'two pairs',
    { control_input: [{ name: 'a', control: [{ ...start, fp32_false_true: [0, 1] }] }] },
    "control input 'a' needs one of int32_false_true, fp32_false_true and bool_false_true, 2 are given",
  ],
  [
    'one value',
    { control_input: [{ name: 'a', control: [{ int32_false_true: [1] }] }] },
    "control input 'a' needs a false and a true value, there are 1 values",
  ],
  [
    'CORRID with values',
    {
      control_input: [
        {
          name: 'a',
          control: [{ kind: 'CONTROL_SEQUENCE_CORRID', int32_false_true: [0, 1], data_type: 'TYPE_INT32' }],
        },
      ],
    },
    "control input 'a': CORRID has no false and true values",
  ],
  [
    'CORRID of another type',
    { control_input: [{ name: 'a', control: [{ kind: 'CONTROL_SEQUENCE_CORRID', data_type: 'TYPE_FP32' }] }] },
    "control input 'a': CORRID is one of TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32, TYPE_STRING, not TYPE_FP32",
  ],
  ['preferred 9 of 4', { oldest: { preferred_batch_size: [9] } }, 'preferred_batch_size 9 exceeds max_batch_size 4'],
  ['preferred 0', { oldest: { preferred_batch_size: [0] } }, 'preferred_batch_size must be above 0, it is 0'],
  [
    'utilisation above 1',
    { direct: { minimum_slot_utilization: 1.5 } },
    'minimum_slot_utilization must be 0 to 1, it is 1.5',
  ],
  ['a state without output', { state: [{ ...state, output_name: '' }] }, "state 'h' has no output_name"],
  [
    'two initial states',
    { state: [{ ...state, initial_state: [{}, {}] }] },
    "state 'h' has 2 initial states, it can have one",
  ],
  [
    'an initial state of another type',
    { state: [{ ...state, initial_state: [{ name: 'i', data_type: 'TYPE_INT32', dims: [2], zero_data: true }] }] },
    "state 'h' is TYPE_FP32, its initial_state TYPE_INT32",
  ],
  [
    'of another rank',
    { state: [{ ...state, initial_state: [{ name: 'i', data_type: 'TYPE_FP32', dims: [2, 1], zero_data: true }] }] },
    "state 'h': ranks differ, initial_state has dims [2,1], the state [2]",
  ],
  [
    'of other dims',
    { state: [{ ...state, initial_state: [{ name: 'i', data_type: 'TYPE_FP32', dims: [3], zero_data: true }] }] },
    "state 'h': initial_state has dims [3], the state [2]",
  ],
  [
    'without data or name',
    { state: [{ ...state, initial_state: [{ data_type: 'TYPE_FP32', dims: [2] }] }] },
    "state 'h': its initial_state has no name",
  ],
])('%s is refused', (_, sequence_batching, message) => {
  const config = { name: 'm', backend: 'onnxruntime', max_batch_size: 4 };
  const problems = validateConfig({ ...config, sequence_batching: sequence_batching as ModelSequenceBatching }, 'm');
  expect(problems.map((problem) => problem.message)).toContain(message);
  expect(problems[0]!.path).toMatch(/^sequence_batching\./);
});

test('a whole one passes', () => {
  const initial_state = [{ name: 'i', data_type: 'TYPE_FP32' as const, dims: [2], zero_data: true }];
  const sequence_batching: ModelSequenceBatching = {
    direct: { minimum_slot_utilization: 1, max_queue_delay_microseconds: 5 },
    control_input: [
      { name: 'a', control: [start] },
      { name: 'b', control: [{ kind: 'CONTROL_SEQUENCE_CORRID', data_type: 'TYPE_STRING' }] },
    ],
    state: [{ ...state, initial_state, use_same_buffer_for_input_output: true }],
  };
  const config = { name: 'm', backend: 'onnxruntime', max_batch_size: 4, sequence_batching };
  expect(validateConfig(config, 'm')).toEqual([]);
});
