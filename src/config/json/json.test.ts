import { describe, expect, test } from 'vitest';
import type { ConchError } from '../../base/index.ts';
import { configFromJson, configToJson, type ModelConfig, printConfig, withoutDefaults } from '../index.ts';

function refusal(json: unknown, source?: string): string {
  try {
    configFromJson(json, source);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConchError', code: 'CONFIG_INVALID' });
    return (error as ConchError).toString();
  }
  throw new Error('accepted');
}

describe('to JSON', () => {
  test('scalars, lists and maps are always there, messages and oneof members only when set', () => {
    expect(configToJson({ name: 'x', dynamic_batching: {} })).toEqual({
      name: 'x',
      platform: '',
      backend: '',
      runtime: '',
      max_batch_size: 0,
      input: [],
      output: [],
      batch_input: [],
      batch_output: [],
      dynamic_batching: {
        preferred_batch_size: [],
        max_queue_delay_microseconds: 0,
        preserve_ordering: false,
        priority_levels: 0,
        default_priority_level: 0,
        priority_queue_policy: {},
      },
      instance_group: [],
      default_model_filename: '',
      cc_model_filenames: {},
      metric_tags: {},
      parameters: {},
      model_warmup: [],
    });
    const warmup = configToJson({ model_warmup: [{ inputs: { x: { zero_data: false } } }] }).model_warmup;
    expect(warmup).toEqual([
      { name: '', batch_size: 0, inputs: { x: { data_type: 'TYPE_INVALID', dims: [], zero_data: false } }, count: 0 },
    ]);
  });

  test('64-bit integers are numbers, save for three fields', () => {
    const json = configToJson({
      input: [{ dims: [-1, 3], reshape: { shape: [3n] } }],
      version_policy: { specific: { versions: [7] } },
      ensemble_scheduling: { step: [{ model_version: -1 }] },
      instance_group: [{ secondary_devices: [{ device_id: 5 }, {}] }],
      optimization: {
        cuda: { graph_spec: [{ input: { x: { dim: [8] } }, graph_lower_bound: { input: { x: { dim: [1] } } } }] },
      },
    });
    expect(json.input).toMatchObject([{ dims: [-1, 3], reshape: { shape: [3] } }]);
    expect(json.version_policy).toEqual({ specific: { versions: [7] } });
    expect(json.ensemble_scheduling).toMatchObject({ step: [{ model_version: -1 }] });
    expect(json.instance_group).toMatchObject([{ secondary_devices: [{ device_id: '5' }, { device_id: '0' }] }]);
    expect(json.optimization).toMatchObject({
      cuda: { graph_spec: [{ input: { x: { dim: ['8'] } }, graph_lower_bound: { input: { x: { dim: ['1'] } } } }] },
    });
    const sequence = configToJson({
      sequence_batching: {
        direct: { max_queue_delay_microseconds: 2 },
        state: [{ dims: [4], initial_state: [{ dims: [4], zero_data: true }] }],
      },
    }).sequence_batching;
    expect(sequence).toMatchObject({
      max_sequence_idle_microseconds: 0,
      direct: { max_queue_delay_microseconds: 2 },
      state: [{ dims: [4], initial_state: [{ dims: ['4'] }] }],
    });
  });

  test('all digits of numbers beyond 2^53 are written', () => {
    const json = configToJson({ dynamic_batching: { max_queue_delay_microseconds: 18446744073709551615n } });
    expect(JSON.stringify(json)).toContain('"max_queue_delay_microseconds":18446744073709551615,');
  });

  test('numbers that JSON lacks are strings, enumerations without a name numbers', () => {
    const json = configToJson({
      input: [{ data_type: 99 }],
      model_metrics: { metric_control: [{ histogram_options: { buckets: [Number.NaN, Infinity, -Infinity, 0.5] } }] },
    });
    expect(json.input).toMatchObject([{ data_type: 99, format: 'FORMAT_NONE' }]);
    expect(json.model_metrics).toEqual({
      metric_control: [{ histogram_options: { buckets: ['NaN', 'Infinity', '-Infinity', 0.5] } }],
    });
  });
});

describe('from JSON', () => {
  test('names are snake_case or camelCase, null is absent', () => {
    expect(
      configFromJson({
        maxBatchSize: 4,
        default_model_filename: 'm',
        input: null,
        dynamicBatching: { preserveOrdering: true },
      }),
    ).toEqual({
      max_batch_size: 4,
      default_model_filename: 'm',
      dynamic_batching: { preserve_ordering: true },
    });
    expect(configFromJson({ sequenceBatching: { controlInput: [{ control: [{ fp32FalseTrue: [0, 1] }] }] } })).toEqual({
      sequence_batching: { control_input: [{ control: [{ fp32_false_true: [0, 1] }] }] },
    });
  });

  test('integers are numbers or strings, enumerations names in any case or numbers', () => {
    expect(
      configFromJson({
        input: [{ dims: ['-1', 3, '1e3', '9223372036854775807'], data_type: 'type_fp32' }, { data_type: 11 }],
      }),
    ).toEqual({
      input: [{ dims: [-1, 3, 1000, 9223372036854775807n], data_type: 'TYPE_FP32' }, { data_type: 'TYPE_FP32' }],
    });
    expect(configFromJson({ sequence_batching: { direct: { minimum_slot_utilization: '0.5' } } })).toEqual({
      sequence_batching: { direct: { minimum_slot_utilization: 0.5 } },
    });
    expect(
      configFromJson({
        model_metrics: { metric_control: [{ histogram_options: { buckets: ['NaN', '-Infinity', 1] } }] },
      }),
    ).toEqual({
      model_metrics: { metric_control: [{ histogram_options: { buckets: [Number.NaN, -Infinity, 1] } }] },
    });
  });

  test('text keeps every digit', () => {
    expect(configFromJson('{"dynamic_batching": {"max_queue_delay_microseconds": 18446744073709551615}}')).toEqual({
      dynamic_batching: { max_queue_delay_microseconds: 18446744073709551615n },
    });
    const large = '{"sequence_batching": {"direct": {"minimum_slot_utilization": 353285330000000000000}}}';
    expect(configFromJson(large)).toMatchObject({
      sequence_batching: { direct: { minimum_slot_utilization: 353285330000000000000 } },
    });
  });

  test('maps take any key', () => {
    const tags = configFromJson('{"metric_tags": {"__proto__": "x"}}').metric_tags!;
    expect(Object.entries(tags)).toEqual([['__proto__', 'x']]);
    expect(configFromJson({ dynamic_batching: { priority_queue_policy: { '02': { max_queue_size: 1 } } } })).toEqual({
      dynamic_batching: { priority_queue_policy: { 2: { max_queue_size: 1 } } },
    });
  });

  test('what does not fit is refused with its path', () => {
    expect(refusal({ nmae: 'x' })).toBe('nmae: ModelConfig has no field nmae\n  fix: write name');
    expect(refusal({ input: [{ shape: [1] }] })).toContain('input[0].shape: ModelInput has no field shape');
    expect(refusal({ max_batch_size: '4.5' })).toContain('max_batch_size expects a whole number (int32), found 4.5');
    expect(refusal({ max_batch_size: 'four' })).toContain(
      'max_batch_size expects a whole number (int32), found "four"',
    );
    expect(refusal({ max_batch_size: true })).toContain('found true');
    expect(refusal({ input: [null] })).toContain('input[0] expects an object (ModelInput), found null');
    expect(refusal({ input: {} })).toContain('input expects a list (ModelInput), found an object');
    expect(refusal({ parameters: [] })).toContain('parameters expects an object (ModelParameter), found a list');
    expect(refusal({ input: [{ data_type: 'FP32' }] })).toContain('fix: write TYPE_FP32');
    expect(refusal({ name: 'x', dynamic_batching: { priority_queue_policy: { high: {} } } })).toContain(
      'priority_queue_policy["high"] expects a whole number',
    );
    expect(refusal({ maxBatchSize: 1, max_batch_size: 2 })).toContain('max_batch_size is given twice');
    expect(refusal({ dynamic_batching: {}, sequence_batching: {} })).toContain(
      'sequence_batching and dynamic_batching exclude one another',
    );
    expect(refusal([])).toBe('a model configuration is a JSON object');
    expect(refusal('{"name": ', 'override')).toMatch(/^override: not JSON: /);
    expect(refusal({ nmae: 1 }, 'override')).toMatch(/^override: nmae: ModelConfig has no field nmae/);
  });
});

test('without defaults a configuration prints as a person would write it', () => {
  const config: ModelConfig = {
    name: 'x',
    max_batch_size: 8,
    input: [{ name: 'a', data_type: 'TYPE_FP32', dims: [3], reshape: { shape: [] } }],
    dynamic_batching: {},
    instance_group: [{ kind: 'KIND_CPU', count: 2 }],
    parameters: { k: { string_value: '' } },
    model_warmup: [{ batch_size: 1, inputs: { a: { zero_data: false } } }],
  };
  const back = withoutDefaults(configFromJson(JSON.stringify(configToJson(config))));
  expect(back).toEqual({
    ...config,
    input: [{ name: 'a', data_type: 'TYPE_FP32', dims: [3], reshape: {} }],
    parameters: { k: {} },
  });
  expect(printConfig(back).split('\n')).toHaveLength(25);
});
