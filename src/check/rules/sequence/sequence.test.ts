import { python, testRule } from '../../testing.ts';

/** `sequence_batching {` on line 5, `lines` from line 6 on. */
const sequence = (lines: string) => python(`max_batch_size: 8\nsequence_batching {\n${lines}\n}`);
const control = (...inputs: string[]) => sequence(`control_input [\n${inputs.join(',\n')}\n]`);
const start = 'kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ]';
const end = 'kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ]';

testRule('sequence/control-name', {
  fires: [
    [control(`{ control [ { ${start} } ] }`), ['m/config.pbtxt:7:1 error control_input[0] has no name']],
    [
      control(`{ name: "s" control [ { ${start} } ] }`, `{ name: "s" control [ { ${end} } ] }`),
      ["m/config.pbtxt:8:9 error control input 's' is listed twice"],
    ],
  ],
  silent: [[control(`{ name: "s" control [ { ${start} }, { ${end} } ] }`)]],
});

testRule('sequence/control-kind', {
  fires: [
    [
      control(`{ name: "s" control [ { ${start} } ] }`, `{ name: "t" control [ { ${start} } ] }`),
      ["m/config.pbtxt:8:31 error CONTROL_SEQUENCE_START is given twice, on 's' and on 't'"],
    ],
    [
      control(`{ name: "s" control [ { ${start} }, { int32_false_true: [ 0, 1 ] } ] }`),
      ["m/config.pbtxt:7:84 error CONTROL_SEQUENCE_START is given twice, on 's' and on 's' (the kind is absent)"],
    ],
  ],
  silent: [[control(`{ name: "s" control [ { ${start} } ] }`, `{ name: "t" control [ { ${end} } ] }`)]],
});

testRule('sequence/control-values', {
  fires: [
    [
      control('{ name: "s" control [ { kind: CONTROL_SEQUENCE_START } ] }'),
      [
        "m/config.pbtxt:7:23 error CONTROL_SEQUENCE_START on 's' has none of int32_false_true, fp32_false_true and bool_false_true",
      ],
    ],
    [
      control(`{ name: "s" control [ { ${start} fp32_false_true: [ 0, 1 ] } ] }`),
      ["m/config.pbtxt:7:81 error CONTROL_SEQUENCE_START on 's' has both int32_false_true and fp32_false_true"],
    ],
    [
      control('{ name: "s" control [ { kind: CONTROL_SEQUENCE_READY bool_false_true: true } ] }'),
      [
        "m/config.pbtxt:7:54 error CONTROL_SEQUENCE_READY on 's' has 1 values in bool_false_true, it must be 2: false, true",
      ],
    ],
    [
      control(
        '{ name: "s" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 int32_false_true: [ 0, 1 ] } ] }',
      ),
      ["m/config.pbtxt:7:78 error CONTROL_SEQUENCE_CORRID on 's' must not have int32_false_true"],
    ],
  ],
  silent: [[control(`{ name: "s" control [ { ${start} }, { ${end} } ] }`)]],
});

testRule('sequence/corrid-type', {
  fires: [
    [
      control('{ name: "s" control [ { kind: CONTROL_SEQUENCE_CORRID } ] }'),
      [
        "m/config.pbtxt:7:23 error CONTROL_SEQUENCE_CORRID on 's' has no data_type, it must be one of TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32, TYPE_STRING",
      ],
    ],
    [
      control('{ name: "s" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_FP32 } ] }'),
      [
        "m/config.pbtxt:7:66 error CONTROL_SEQUENCE_CORRID on 's' has FP32, it must be one of TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32, TYPE_STRING",
      ],
    ],
  ],
  silent: [[control('{ name: "s" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_STRING } ] }')]],
});

testRule('sequence/slot-utilization', {
  fires: [
    [
      sequence('direct { minimum_slot_utilization: 1.1 }'),
      ['m/config.pbtxt:6:36 error minimum_slot_utilization is 1.1, it must be 0 to 1'],
    ],
  ],
  silent: [[sequence('direct { minimum_slot_utilization: 0 }')], [sequence('direct { minimum_slot_utilization: 1 }')]],
});

testRule('sequence/slot-delay', {
  fires: [
    [
      sequence('direct { max_queue_delay_microseconds: 100 }'),
      ['m/config.pbtxt:6:40 warning max_queue_delay_microseconds 100 has no effect: minimum_slot_utilization is 0'],
    ],
  ],
  silent: [[sequence('direct { max_queue_delay_microseconds: 100 minimum_slot_utilization: 0.5 }')]],
});

/** One state on line 6. */
const state = (more: string, own = 'input_name: "a" output_name: "b" data_type: TYPE_FP32 dims: [ 2 ]') =>
  sequence(`state [ { ${own}\n${more} } ]`);
const zero = 'name: "i" data_type: TYPE_FP32 dims: [ 2 ] zero_data: true';

testRule('sequence/state-incomplete', {
  fires: [
    [state('', 'input_name: "a" dims: [ 2 ]'), ["m/config.pbtxt:6:9 error state 'a' has no output_name, data_type"]],
    [state('', 'output_name: "b" data_type: TYPE_FP32'), ['m/config.pbtxt:6:9 error state[0] has no input_name, dims']],
  ],
  silent: [[state('')]],
});

const twoStates = (one: string, other: string) =>
  sequence(
    [one, other]
      .map((more, at) => `state { input_name: "a" output_name: "b${at}" data_type: TYPE_FP32 dims: [ 2 ] ${more} }`)
      .join('\n'),
  );

testRule('sequence/state-repeated', {
  fires: [
    [twoStates('', ''), ["m/config.pbtxt:7:21 warning state input 'a' is used by two states"]],
    [
      twoStates(`initial_state { ${zero} }`, `initial_state { ${zero} }`),
      ["m/config.pbtxt:7:21 error state input 'a' is used by two states"],
    ],
  ],
  silent: [[state('')]],
});

testRule('sequence/initial-state', {
  fires: [
    [
      state(`initial_state [ { ${zero} }, { ${zero} } ]`),
      ["m/config.pbtxt:7:81 error state 'a' has 2 initial states, it can have one"],
    ],
    [
      state('initial_state { data_type: TYPE_INT32 dims: [ 3 ] }'),
      [
        "m/config.pbtxt:7:1 error the initial_state of state 'a' has no data: neither zero_data nor data_file is given",
        "m/config.pbtxt:7:1 error the initial_state of state 'a' has no name",
        "m/config.pbtxt:7:28 error the initial_state of state 'a' is INT32, the state is FP32",
        "m/config.pbtxt:7:39 error the initial_state of state 'a' has dims [3], the state [2]",
      ],
    ],
    [
      state('initial_state { name: "i" data_type: TYPE_FP32 dims: [ 2, 1 ] zero_data: true }'),
      ["m/config.pbtxt:7:48 error the initial_state of state 'a' has dims [2, 1], the state [2]: the ranks differ"],
    ],
    [
      state('initial_state { name: "i" data_type: TYPE_FP32 dims: [ -1 ] zero_data: true }'),
      ["m/config.pbtxt:7:48 error the initial_state of state 'a' has a variable dimension in [-1]"],
    ],
  ],
  silent: [[state(`initial_state { ${zero} }`)], [state('')]],
});

const stateFile = (size?: number) => ({
  ...state('initial_state { name: "i" data_type: TYPE_FP32 dims: [ 2 ]\ndata_file: "zeros" }'),
  ...(size === undefined ? {} : { 'm/initial_state/zeros': size }),
});

testRule('sequence/state-file', {
  fires: [
    [stateFile(), ["m/config.pbtxt:8:12 error initial_state/zeros of state 'a' does not exist"]],
    [stateFile(7), ["m/config.pbtxt:8:12 error initial_state/zeros has 7 bytes, state 'a' needs 8"]],
  ],
  silent: [[stateFile(8)], [stateFile(9)]],
});

const shared = 'use_growable_memory: true use_same_buffer_for_input_output: true';

testRule('sequence/growable-memory', {
  fires: [
    [
      state('use_growable_memory: true'),
      ["m/config.pbtxt:7:22 error use_growable_memory of state 'a' needs use_same_buffer_for_input_output: true"],
    ],
    [
      state(shared),
      [
        "m/config.pbtxt:7:22 error use_growable_memory of state 'a' needs GPU instances, but the model runs on KIND_CPU",
      ],
      { gpus: [] },
    ],
  ],
  silent: [[state(shared)], [state(shared), { gpus: [0] }], [state('use_growable_memory: false')]],
});
