import { python, testRule } from '../../testing.ts';

/** `max_batch_size` on line 4, `dynamic_batching {` on line 5, then `lines`. */
const batching = (lines: string, most = 'max_batch_size: 8') => python(`${most}\ndynamic_batching {\n${lines}\n}`);
const oldest = (sizes: string) =>
  python(`max_batch_size: 8\nsequence_batching {\n oldest { preferred_batch_size: [ ${sizes} ] }\n}`);

testRule('batching/preferred-not-positive', {
  fires: [
    [
      batching('  preferred_batch_size: [ 4, 0, -2 ]'),
      [
        'm/config.pbtxt:6:30 error preferred_batch_size 0 is not positive',
        'm/config.pbtxt:6:33 error preferred_batch_size -2 is not positive',
      ],
    ],
    [oldest('0'), ['m/config.pbtxt:6:35 error preferred_batch_size 0 is not positive']],
  ],
  silent: [[batching('preferred_batch_size: [ 1, 8 ]')], [oldest('4')]],
});

testRule('batching/preferred-above-max', {
  fires: [
    [
      batching('  preferred_batch_size: [ 4, 16 ]'),
      ['m/config.pbtxt:6:30 error preferred_batch_size 16 is above max_batch_size 8'],
    ],
    [
      batching('preferred_batch_size: 1', ''),
      ['m/config.pbtxt:6:23 error preferred_batch_size 1 is above max_batch_size, which is absent and so 0'],
    ],
    [oldest('9'), ['m/config.pbtxt:6:35 error preferred_batch_size 9 is above max_batch_size 8']],
  ],
  silent: [[batching('preferred_batch_size: [ 4, 8 ]')], [batching('', 'max_batch_size: 0')]],
});

testRule('batching/default-priority', {
  fires: [
    [
      batching('priority_levels: 2'),
      ['m/config.pbtxt:5:1 error default_priority_level is absent and so 0, it must be 1 to 2 (priority_levels)'],
    ],
    [
      batching('priority_levels: 2\n default_priority_level: 3'),
      ['m/config.pbtxt:7:26 error default_priority_level is 3, it must be 1 to 2 (priority_levels)'],
    ],
  ],
  silent: [[batching('priority_levels: 2 default_priority_level: 2')], [batching('default_priority_level: 9')]],
});

const policy = (key: number) => `priority_queue_policy { key: ${key} value { max_queue_size: 9 } }`;

testRule('batching/priority-policy-key', {
  fires: [
    [
      batching(`priority_levels: 2 default_priority_level: 1\n${policy(3)}\n${policy(0)}`),
      [
        'm/config.pbtxt:7:1 error priority_queue_policy has a policy for level 3, it must be 1 to 2 (priority_levels)',
        'm/config.pbtxt:8:1 error priority_queue_policy has a policy for level 0, it must be 1 to 2 (priority_levels)',
      ],
    ],
  ],
  silent: [[batching(`priority_levels: 2 default_priority_level: 1 ${policy(2)}`)], [batching(policy(7))]],
});

testRule('batching/priorities-off', {
  fires: [
    [
      batching('default_priority_level: 1'),
      ['m/config.pbtxt:6:25 warning default_priority_level has no effect: priority_levels is 0'],
    ],
    [batching(policy(1)), ['m/config.pbtxt:6:1 warning priority_queue_policy has no effect: priority_levels is 0']],
  ],
  silent: [[batching('priority_levels: 1 default_priority_level: 1')], [batching('')]],
});

testRule('batching/ordering-priorities', {
  fires: [
    [
      batching('preserve_ordering: true\npriority_levels: 2 default_priority_level: 1'),
      ['m/config.pbtxt:6:20 error preserve_ordering allows one priority level, priority_levels is 2'],
    ],
  ],
  silent: [
    [batching('preserve_ordering: true priority_levels: 1 default_priority_level: 1')],
    [batching('preserve_ordering: false priority_levels: 2 default_priority_level: 1')],
  ],
});

const delay = (timeout: number) => `timeout_action: DELAY default_timeout_microseconds: ${timeout}`;

testRule('batching/ordering-delay', {
  fires: [
    [
      batching(`preserve_ordering: true\ndefault_queue_policy { ${delay(10)} }`),
      ['m/config.pbtxt:7:40 error timeout_action DELAY after 10 us cannot go with preserve_ordering'],
    ],
    [
      batching(`preserve_ordering: true\npriority_queue_policy { key: 1 value { ${delay(5)} } }`),
      ['m/config.pbtxt:7:56 error timeout_action DELAY after 5 us cannot go with preserve_ordering'],
    ],
  ],
  silent: [
    [batching(`preserve_ordering: true default_queue_policy { ${delay(0)} }`)],
    [batching(`default_queue_policy { ${delay(10)} }`)],
  ],
});

testRule('batching/timeout-below-delay', {
  fires: [
    [
      batching('max_queue_delay_microseconds: 500\ndefault_queue_policy { default_timeout_microseconds: 500 }'),
      [
        'm/config.pbtxt:7:54 warning default_timeout_microseconds 500 is not above max_queue_delay_microseconds 500: a lone request is rejected while it waits for company',
      ],
    ],
  ],
  silent: [
    [batching('max_queue_delay_microseconds: 500 default_queue_policy { default_timeout_microseconds: 900 }')],
    [batching(`max_queue_delay_microseconds: 500 default_queue_policy { ${delay(10)} }`)],
    [batching('default_queue_policy { default_timeout_microseconds: 1 }')],
  ],
});

testRule('batching/timeout-override', {
  fires: [
    [
      batching('default_queue_policy { allow_timeout_override: true }'),
      ['m/config.pbtxt:6:48 warning allow_timeout_override has no effect: default_timeout_microseconds is 0'],
    ],
  ],
  silent: [
    [batching('default_queue_policy { allow_timeout_override: true default_timeout_microseconds: 9 }')],
    [batching('default_queue_policy { allow_timeout_override: false }')],
  ],
});

testRule('batching/preferred-never-forms', {
  fires: [
    [
      batching('preferred_batch_size: [ 2, 8 ]\ndefault_queue_policy { max_queue_size: 4 }'),
      ['m/config.pbtxt:6:28 warning preferred_batch_size 8 never forms from single rows: max_queue_size is 4'],
    ],
  ],
  silent: [
    [batching('preferred_batch_size: [ 2, 8 ] default_queue_policy { max_queue_size: 8 }')],
    [batching('preferred_batch_size: [ 2, 8 ] default_queue_policy { max_queue_size: 0 }')],
  ],
});

testRule('batching/max-never-forms', {
  fires: [
    [
      batching('preferred_batch_size: [ 2, 4 ]'),
      [
        'm/config.pbtxt:6:28 warning batches above the largest preferred_batch_size 4 never form without a max_queue_delay_microseconds, although max_batch_size is 8',
      ],
    ],
  ],
  silent: [
    [batching('preferred_batch_size: [ 2, 8 ]')],
    [batching('preferred_batch_size: 4 max_queue_delay_microseconds: 100')],
    [batching('')],
  ],
});

testRule('batching/no-effect', {
  fires: [
    [
      batching('', 'max_batch_size: 1'),
      ['m/config.pbtxt:5:1 warning dynamic_batching forms no batches: max_batch_size is 1'],
    ],
  ],
  silent: [[batching('')], [batching('default_queue_policy { max_queue_size: 9 }', 'max_batch_size: 0')]],
});

testRule('batching/delay-long', {
  fires: [
    [
      batching('max_queue_delay_microseconds: 18446744073709551615'),
      [
        'm/config.pbtxt:6:31 warning max_queue_delay_microseconds 18446744073709551615 lets a lone request wait 213503982 days',
      ],
    ],
    [
      python('max_batch_size: 8\nsequence_batching { direct { max_queue_delay_microseconds: 2500000 } }'),
      ['m/config.pbtxt:5:60 warning max_queue_delay_microseconds 2500000 lets a lone request wait 2.5 s'],
    ],
  ],
  silent: [[batching('max_queue_delay_microseconds: 5000')]],
});

const open = `input [ { name: "ids" data_type: TYPE_INT64 dims: [ -1 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 3 ] } ]`;

testRule('batching/variable-shapes', {
  fires: [
    [
      python('max_batch_size: 8\ndynamic_batching {}', {}, open),
      ["m/config.pbtxt:5:1 info requests are merged only when 'ids' has the same shape in all of them"],
    ],
  ],
  silent: [
    [batching('')],
    [python('max_batch_size: 8', {}, open)],
    [python('max_batch_size: 8 dynamic_batching {}', {}, open.replace('[ -1 ]', '[ -1 ] allow_ragged_batch: true'))],
  ],
});

const library = (value: string) =>
  `parameters { key: "TRITON_BATCH_STRATEGY_PATH" value { string_value: "${value}" } }`;

testRule('batching/strategy-library', {
  fires: [
    [
      python(`max_batch_size: 8 sequence_batching {}\n${library('/opt/batch.so')}`),
      ['m/config.pbtxt:5:70 error TRITON_BATCH_STRATEGY_PATH is set, but the model uses the sequence batcher'],
    ],
    [
      python(`max_batch_size: 8 dynamic_batching {}\n${library('batch.so')}`, { 'm/batch.so': 10 }),
      [
        "m/config.pbtxt:5:70 error TRITON_BATCH_STRATEGY_PATH 'batch.so' is relative to where the server is started, not to the model; the file is at /models/m/batch.so",
      ],
    ],
  ],
  silent: [[python(`max_batch_size: 8 dynamic_batching {}\n${library('/opt/batch.so')}`)]],
});
