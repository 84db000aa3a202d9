import { expect, test } from 'vitest';
import { definedSettings, onnxConfig } from './settings.ts';

const inputs = [{ name: 'x', datatype: 'FP32' as const, dims: [-1, 4] }];
const outputs = [{ name: 'y', datatype: 'FP32' as const, dims: [1] }];

test('the configuration leaves nothing for Triton to complete', () => {
  const config = onnxConfig({ name: 'm', max_batch_size: 8, inputs, outputs, settings: {} });
  expect(config).toMatchObject({
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    default_model_filename: 'model.onnx',
    max_batch_size: 8,
    dynamic_batching: {},
    instance_group: [{ count: 1, kind: 'KIND_AUTO' }],
  });
  expect(config.model_warmup![0]!.inputs!.x).toEqual({ data_type: 'TYPE_FP32', dims: [8, 4], zero_data: true });
});

test('a model without a batch dimension gets no batcher, and settings win over defaults', () => {
  const settings = { instance_group: [{ count: 3, kind: 'KIND_CPU' as const }] };
  const config = onnxConfig({ name: 'm', max_batch_size: 0, inputs, outputs, settings });
  expect(config.dynamic_batching).toBeUndefined();
  expect(config.instance_group).toEqual(settings.instance_group);
});

test('later settings win and other keys are left out', () => {
  expect(
    definedSettings({ max_batch_size: 3, parameters: { a: {} } }, undefined, {
      parameters: { b: {} },
      model_warmup: [],
    }),
  ).toEqual({ parameters: { b: {} }, model_warmup: [] });
});
