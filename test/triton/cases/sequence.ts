import { type Case, config, pythonModel } from '../case.ts';

const start = 'control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] }';
const bodies: Record<string, string> = {
  empty: '',
  direct: 'direct { }',
  'direct utilization above 1': 'direct { minimum_slot_utilization: 1.5 }',
  'direct utilization below 0': 'direct { minimum_slot_utilization: -0.5 }',
  oldest: 'oldest { max_candidate_sequences: 4 }',
  'oldest preferred above maximum': 'oldest { max_candidate_sequences: 4 preferred_batch_size: 9 }',
  'oldest preferred zero': 'oldest { max_candidate_sequences: 4 preferred_batch_size: 0 }',
  'oldest without candidates': 'oldest { }',
  'start control': `control_input { name: "s" ${start} }`,
  'control without name': `control_input { ${start} }`,
  'control input twice': `control_input { name: "s" ${start} } control_input { name: "s" control { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } }`,
  'control kind twice': `control_input { name: "s" ${start} } control_input { name: "t" ${start} }`,
  'control without values': 'control_input { name: "s" control { kind: CONTROL_SEQUENCE_START } }',
  'control with two kinds of values':
    'control_input { name: "s" control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] fp32_false_true: [ 0, 1 ] } }',
  'control with one value':
    'control_input { name: "s" control { kind: CONTROL_SEQUENCE_READY int32_false_true: [ 0 ] } }',
  'control with three values':
    'control_input { name: "s" control { kind: CONTROL_SEQUENCE_READY fp32_false_true: [ 0, 1, 2 ] } }',
  'control of booleans':
    'control_input { name: "s" control { kind: CONTROL_SEQUENCE_READY bool_false_true: [ false, true ] } }',
  'correlation id': 'control_input { name: "s" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } }',
  'correlation id of strings':
    'control_input { name: "s" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_STRING } }',
  'correlation id without type': 'control_input { name: "s" control { kind: CONTROL_SEQUENCE_CORRID } }',
  'correlation id of floats':
    'control_input { name: "s" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_FP32 } }',
  'correlation id with values':
    'control_input { name: "s" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 int32_false_true: [ 0, 1 ] } }',
  state: 'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 }',
  'state with zeros':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 initial_state { name: "z" data_type: TYPE_FP32 dims: 4 zero_data: true } }',
  'state with two initial values':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 initial_state { name: "z" data_type: TYPE_FP32 dims: 4 zero_data: true } initial_state { name: "y" data_type: TYPE_FP32 dims: 4 zero_data: true } }',
  'state with an initial value of another type':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 initial_state { name: "z" data_type: TYPE_INT32 dims: 4 zero_data: true } }',
  'state with an initial value of another rank':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 initial_state { name: "z" data_type: TYPE_FP32 dims: [ 2, 2 ] zero_data: true } }',
  'state with a variable initial value':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: -1 initial_state { name: "z" data_type: TYPE_FP32 dims: -1 zero_data: true } }',
  'state with a nameless initial value':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 initial_state { data_type: TYPE_FP32 dims: 4 zero_data: true } }',
  'state without a source':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 initial_state { name: "z" data_type: TYPE_FP32 dims: 4 } }',
  'state from a file that is not there':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 initial_state { name: "z" data_type: TYPE_FP32 dims: 4 data_file: "z" } }',
  'growable memory alone':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 use_growable_memory: true }',
  'state without names': 'state { data_type: TYPE_FP32 dims: 4 }',
  'state without a type': 'state { input_name: "i" output_name: "o" dims: 4 }',
  'state twice':
    'state { input_name: "i" output_name: "o" data_type: TYPE_FP32 dims: 4 } state { input_name: "i" output_name: "p" data_type: TYPE_FP32 dims: 4 }',
  'slot delay without utilization': 'direct { max_queue_delay_microseconds: 100 }',
  'idle time': 'max_sequence_idle_microseconds: 5000000',
  iterative: 'iterative_sequence: true',
};

export const cases: Case[] = Object.entries(bodies).map(([name, body]) => ({
  name: `sequence: ${name}`,
  files: pythonModel('m', config(`max_batch_size: 8 sequence_batching { ${body} }`)),
}));
