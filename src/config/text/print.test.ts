import { describe, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import { configToJson, type ModelConfig, parseConfig, printConfig } from '../index.ts';

function refusal(config: object): string {
  try {
    printConfig(config as ModelConfig);
  } catch (error) {
    expect(error).toBeInstanceOf(ConchError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(() => configToJson(config as ModelConfig)).toThrow((error as ConchError).message.replace(/ and .*/, ''));
    return (error as ConchError).toString();
  }
  throw new Error('accepted');
}

test('the canonical text', () => {
  const config: ModelConfig = {
    parameters: { intra_op: { string_value: '4' }, empty: {} },
    name: 'a "b"\n',
    max_batch_size: 0,
    backend: 'onnxruntime',
    input: [
      { name: 'x', data_type: 'TYPE_FP32', dims: [-1, 3], reshape: { shape: [] } },
      { name: 'y', data_type: 99, dims: [9223372036854775807n], optional: true },
    ],
    output: [{ name: 'z' }, {}],
    instance_group: [],
    dynamic_batching: {},
    version_policy: { specific: { versions: [1, 3] } },
    metric_tags: {},
    ensemble_scheduling: undefined as never,
    model_warmup: [{ inputs: { x: { data_type: 'TYPE_FP32', dims: [3], zero_data: true } } }],
    model_metrics: { metric_control: [{ histogram_options: { buckets: [0.1, 1, 1e21, Number.POSITIVE_INFINITY] } }] },
  };
  expect(printConfig(config)).toBe(`name: "a \\"b\\"\\n"
backend: "onnxruntime"
version_policy { specific { versions: [ 1, 3 ] } }
max_batch_size: 0
input [
  {
    name: "x"
    data_type: TYPE_FP32
    dims: [ -1, 3 ]
    reshape { shape: [ ] }
  },
  {
    name: "y"
    data_type: 99
    dims: [ 9223372036854775807 ]
    optional: true
  }
]
output [
  { name: "z" },
  { }
]
dynamic_batching { }
instance_group [ ]
metric_tags [ ]
parameters { key: "intra_op" value { string_value: "4" } }
parameters { key: "empty" value { } }
model_warmup [
  {
    inputs {
      key: "x"
      value {
        data_type: TYPE_FP32
        dims: [ 3 ]
        zero_data: true
      }
    }
  }
]
model_metrics {
  metric_control [
    { histogram_options { buckets: [ 0.1, 1, 1e+21, inf ] } }
  ]
}
`);
});

test('an empty configuration is the empty text', () => {
  expect(printConfig({})).toBe('');
});

test('strings keep their characters, control characters become octal escapes', () => {
  const name = "\0\x01\x7f\t\r\\'é\u2028\u{1F600}";
  const text = printConfig({ name });
  expect(text).toBe('name: "\\000\\001\\177\\t\\r\\\\\'é\u2028\u{1F600}"\n');
  expect(parseConfig(text).config).toEqual({ name });
});

test('a block of one value is broken where it would pass the margin', () => {
  const long = 'x'.repeat(90);
  expect(printConfig({ parameters: { a: { string_value: long } } })).toBe(
    `parameters {\n  key: "a"\n  value {\n    string_value: "${long}"\n  }\n}\n`.replace(
      /value \{\n\s+(.*)\n\s+\}/,
      `value {\n    $1\n  }`,
    ),
  );
});

describe('a value that the schema does not allow is refused with its path', () => {
  test.each<[object, string]>([
    [{ name: 5 }, 'name expects a string (string), found 5'],
    [{ name: null }, 'name expects a string (string), found null'],
    [{ name: '\ud800' }, 'name expects a string without lone surrogates (string)'],
    [{ input: { dims: [1] } }, 'input expects a list (ModelInput), found an object'],
    [{ input: [{ dims: 3 }] }, 'input[0].dims expects a list (int64), found 3'],
    [{ input: [{ dims: ['3'] }] }, 'input[0].dims[0] expects a whole number (int64), found "3"'],
    [{ input: [{ dims: [1.5] }] }, 'input[0].dims[0] expects a whole number (int64), found 1.5'],
    [{ input: [{ dims: [2 ** 60] }] }, 'expects a bigint for a number beyond 2^53 (int64), found 1152921504606847000'],
    [
      { input: [{ dims: [2n ** 63n] }] },
      'expects -9223372036854775808 to 9223372036854775807 (int64), found 9223372036854775808',
    ],
    [{ max_batch_size: 2 ** 31 }, 'max_batch_size expects -2147483648 to 2147483647 (int32), found 2147483648'],
    [{ input: [{ optional: 1 }] }, 'input[0].optional expects true or false (bool), found 1'],
    [
      { input: [{ data_type: 'FP32' }] },
      'expects a value of DataType (DataType), found "FP32"\n  fix: write TYPE_FP32',
    ],
    [{ input: [{ data_type: 'complex' }] }, 'found "complex"\n  fix: write one of TYPE_INVALID, TYPE_BOOL'],
    [{ input: [{ data_type: 2 ** 31 }] }, 'input[0].data_type expects a value of DataType'],
    [
      { sequence_batching: { direct: { minimum_slot_utilization: '1' } } },
      'minimum_slot_utilization expects a number (float), found "1"',
    ],
    [{ dynamic_batching: true }, 'dynamic_batching expects an object (ModelDynamicBatching), found true'],
    [{ dynamic_batching: [] }, 'dynamic_batching expects an object (ModelDynamicBatching), found a list'],
    [{ parameters: [] }, 'parameters expects an object (ModelParameter), found a list'],
    [{ metric_tags: { a: 1 } }, 'metric_tags["a"] expects a string (string), found 1'],
    [{ maxBatchSize: 4 }, 'maxBatchSize: ModelConfig has no field maxBatchSize\n  fix: write max_batch_size'],
    [
      { input: [{ foobar: 4 }] },
      'input[0].foobar: ModelInput has no field foobar\n  fix: name one of name, data_type, format',
    ],
  ])('%#', (config, message) => {
    expect(refusal(config)).toContain(message);
  });

  test('as are two members of a oneof and a key that is no number', () => {
    expect(() => printConfig({ dynamic_batching: {}, sequence_batching: {} })).toThrow(
      'dynamic_batching and sequence_batching exclude one another (oneof scheduling_choice)',
    );
    expect(() => printConfig({ dynamic_batching: { priority_queue_policy: { high: {} } } })).toThrow(
      'dynamic_batching.priority_queue_policy["high"] expects a whole number as key (uint64), found "high"',
    );
  });
});
