import { describe, expect, test } from 'vitest';
import { type CompletionContext, completeConfig, type ModelConfig, type OnnxSignature } from '../index.ts';
import { completionRules } from './completion.ts';

const modelName = 'm';
const input = [{ name: 'x', data_type: 'TYPE_FP32', dims: [3] }] satisfies ModelConfig['input'];
const output = [{ name: 'y', data_type: 'TYPE_FP32', dims: [1] }] satisfies ModelConfig['output'];

function complete(config: ModelConfig, context: Partial<CompletionContext> = {}): ModelConfig {
  const completed = completeConfig(config, { modelName, ...context });
  expect(completed.problems).toEqual([]);
  return completed.config;
}

function problems(config: ModelConfig, context: Partial<CompletionContext> = {}): string[] {
  return completeConfig(config, { modelName, ...context }).problems.map((one) => {
    expect(one).toMatchObject({ severity: 'error', model: modelName });
    return `${one.code} ${one.where.path}: ${one.message} -> ${one.fix!.text}`;
  });
}

describe('the server fills blanks', () => {
  const filled = (config: ModelConfig, ...versionFiles: string[]) => {
    const { backend, platform, default_model_filename: file } = complete(config, { versionFiles });
    return [backend, platform, file];
  };

  test('from the files of the first version', () => {
    expect(filled({}, 'model.savedmodel/')).toEqual(['tensorflow', 'tensorflow_savedmodel', 'model.savedmodel']);
    expect(filled({}, 'model.graphdef')).toEqual(['tensorflow', 'tensorflow_graphdef', 'model.graphdef']);
    expect(filled({}, 'notes', 'model.plan')).toEqual(['tensorrt', 'tensorrt_plan', 'model.plan']);
    expect(filled({}, 'model.onnx')).toEqual(['onnxruntime', 'onnxruntime_onnx', 'model.onnx']);
    expect(filled({}, 'model.onnx/')).toEqual(['onnxruntime', 'onnxruntime_onnx', 'model.onnx']);
    expect(filled({}, 'model.xml', 'model.bin')).toEqual(['openvino', undefined, 'model.xml']);
    expect(filled({}, 'model.pt')).toEqual(['pytorch', 'pytorch_libtorch', 'model.pt']);
    expect(filled({}, 'model.pt2')).toEqual(['pytorch', 'torch_aoti', 'model.pt2']);
    expect(filled({}, 'model.pt2', 'model.pt')).toEqual(['pytorch', 'pytorch_libtorch', 'model.pt']);
    expect(filled({}, 'model.py')).toEqual(['python', undefined, 'model.py']);
    expect(filled({}, 'model.py', 'model.onnx')[0]).toBe('onnxruntime');
  });

  test('from the platform or the file name, before the files are looked at', () => {
    expect(filled({ platform: 'onnxruntime_onnx' }, 'model.plan')).toEqual([
      'onnxruntime',
      'onnxruntime_onnx',
      'model.onnx',
    ]);
    expect(filled({ platform: 'tensorrt_plan', default_model_filename: 'a.plan' })).toEqual([
      'tensorrt',
      'tensorrt_plan',
      'a.plan',
    ]);
    expect(filled({ default_model_filename: 'model.py' })).toEqual(['python', undefined, 'model.py']);
    expect(filled({ platform: 'pytorch_libtorch' })).toEqual(['pytorch', 'pytorch_libtorch', undefined]);
    expect(filled({ platform: 'libtorch' })).toEqual(['pytorch', 'libtorch', undefined]);
    expect(filled({ platform: 'torch_aoti' })).toEqual(['pytorch', 'torch_aoti', 'model.pt2']);
    expect(filled({ platform: 'other' }, 'model.onnx')).toEqual([undefined, 'other', undefined]);
  });

  test('for a backend that is given', () => {
    expect(filled({ backend: 'onnxruntime' })).toEqual(['onnxruntime', 'onnxruntime_onnx', 'model.onnx']);
    expect(filled({ backend: 'onnxruntime', default_model_filename: 'a.onnx' })).toEqual([
      'onnxruntime',
      'onnxruntime_onnx',
      'a.onnx',
    ]);
    expect(filled({ backend: 'pytorch' })).toEqual(['pytorch', 'pytorch_libtorch', 'model.pt']);
    expect(filled({ backend: 'pytorch' }, 'model.pt2')).toEqual(['pytorch', 'torch_aoti', 'model.pt2']);
    expect(filled({ backend: 'pytorch', platform: 'pytorch_libtorch' })).toEqual([
      'pytorch',
      'pytorch_libtorch',
      undefined,
    ]);
    expect(filled({ backend: 'python' })).toEqual(['python', undefined, 'model.py']);
    expect(filled({ backend: 'tensorflow' }, 'model.graphdef')).toEqual([
      'tensorflow',
      'tensorflow_graphdef',
      'model.graphdef',
    ]);
    expect(filled({ backend: 'tensorflow' })).toEqual(['tensorflow', undefined, undefined]);
    expect(filled({ backend: 'identity' }, 'model.onnx')).toEqual(['identity', undefined, undefined]);
  });

  test("from the model's name, when nothing else tells", () => {
    const { backend, default_model_filename: file } = complete({}, { modelName: 'my.own.thing' });
    expect([backend, file]).toEqual(['own.thing', 'model.own.thing']);
    const message =
      'complete/no-backend backend: the backend of m is not given and cannot be told from its files or its name';
    expect(problems({}, { versionFiles: ['weights.bin'] })).toEqual([`${message} -> set backend`]);
    expect(problems({ ensemble_scheduling: {} })).toEqual([`${message} -> set platform: "ensemble"`]);
    expect(filled({ platform: 'ensemble' }, 'model.onnx')).toEqual([undefined, 'ensemble', undefined]);
  });

  test('and says so, one change a value', () => {
    const { changes } = completeConfig({}, { modelName, versionFiles: ['model.onnx'] });
    expect(changes.filter((change) => change.by === 'server')).toEqual([
      { path: 'name', by: 'server', reason: 'a blank name is the name of the folder' },
      { path: 'backend', by: 'server', reason: 'the model file is model.onnx' },
      { path: 'platform', by: 'server', reason: 'what backend onnxruntime runs from model.onnx' },
      { path: 'default_model_filename', by: 'server', reason: 'the usual file of backend onnxruntime' },
    ]);
    const [named] = completeConfig({ name: 'm', platform: 'onnxruntime_onnx' }, { modelName }).changes;
    expect(named).toEqual({ path: 'backend', by: 'server', reason: 'platform is onnxruntime_onnx' });
  });
});

describe('normalisation', () => {
  test('writes out policy, pinned memory and instances', () => {
    const completed = completeConfig(
      { name: 'm', backend: 'python', default_model_filename: 'model.py' },
      { modelName },
    );
    expect(completed.config).toEqual({
      name: 'm',
      backend: 'python',
      default_model_filename: 'model.py',
      version_policy: { latest: { num_versions: 1 } },
      optimization: { input_pinned_memory: { enable: true }, output_pinned_memory: { enable: true } },
      instance_group: [{ name: 'm', kind: 'KIND_CPU', count: 1 }],
    });
    expect(completed.changes).toEqual([
      { path: 'version_policy', by: 'default', reason: 'without a policy the highest version is served' },
      ...['input', 'output'].map((side) => ({
        path: `optimization.${side}_pinned_memory.enable`,
        by: 'default',
        reason: 'pinned memory is used unless it is switched off',
      })),
      { path: 'instance_group', by: 'default', reason: 'a model has at least one group of instances' },
      { path: 'instance_group[0].kind', by: 'default', reason: 'KIND_AUTO, and no GPU is usable' },
      { path: 'instance_group[0].count', by: 'default', reason: 'one instance is the default' },
    ]);
  });

  test('leaves what is given, and the argument, alone', () => {
    const config: ModelConfig = {
      name: 'm',
      backend: 'python',
      default_model_filename: 'other.py',
      version_policy: {},
      optimization: { input_pinned_memory: {}, output_pinned_memory: { enable: false } },
      instance_group: [{ name: 'g', kind: 'KIND_CPU', count: 3 }],
      dynamic_batching: {},
    };
    const before = structuredClone(config);
    expect(completeConfig(config, { modelName, gpus: [0] })).toEqual({ config, changes: [], problems: [] });
    complete(config, { python: { max_batch_size: 4, dynamic_batching: {}, output: [{ name: 'y' }] } });
    expect(config).toEqual(before);
  });

  test('gives instances the kind, number and GPUs of the host', () => {
    const groups = (backend: string, gpus: number[], ...given: NonNullable<ModelConfig['instance_group']>) =>
      complete({ backend, instance_group: given }, { gpus }).instance_group;
    expect(groups('onnxruntime', [])).toEqual([{ name: 'm', kind: 'KIND_CPU', count: 2 }]);
    expect(groups('onnxruntime', [0, 1])).toEqual([{ name: 'm', kind: 'KIND_GPU', count: 1, gpus: [0, 1] }]);
    expect(groups('pytorch', [])).toEqual([{ name: 'm', kind: 'KIND_CPU', count: 1 }]);
    expect(groups('onnxruntime', [0], { count: 0 }, { kind: 'KIND_AUTO', count: -1 }, { kind: 0, gpus: [1] })).toEqual([
      { name: 'm_0', kind: 'KIND_GPU', count: 1, gpus: [0] },
      { name: 'm_1', kind: 'KIND_GPU', count: 1, gpus: [0] },
      { name: 'm_2', kind: 'KIND_CPU', count: 2, gpus: [1] },
    ]);
    expect(groups('onnxruntime', [], { kind: 'KIND_GPU' }, { kind: 'KIND_MODEL' })).toEqual([
      { name: 'm_0', kind: 'KIND_GPU', count: 1 },
      { name: 'm_1', kind: 'KIND_MODEL', count: 1 },
    ]);
    const { changes } = completeConfig(
      { backend: 'onnxruntime', instance_group: [{ gpus: [7] }] },
      { modelName, gpus: [0] },
    );
    expect(changes.slice(-3).map((change) => change.reason)).toEqual([
      "the model's name and the group's index",
      'KIND_AUTO, and GPU 7 is not usable',
      'two instances are the default of onnxruntime on a CPU',
    ]);
  });

  test('gives schedulers their preferred size and idle time', () => {
    expect(complete({ backend: 'b', max_batch_size: 8, dynamic_batching: {} }).dynamic_batching).toEqual({
      preferred_batch_size: [8],
    });
    expect(complete({ backend: 'b', dynamic_batching: {} }).dynamic_batching).toEqual({});
    expect(
      complete({ backend: 'b', max_batch_size: 8, dynamic_batching: { preferred_batch_size: [4] } }).dynamic_batching,
    ).toEqual({
      preferred_batch_size: [4],
    });
    expect(complete({ backend: 'b', max_batch_size: 2, sequence_batching: { oldest: {} } }).sequence_batching).toEqual({
      oldest: { preferred_batch_size: [2] },
      max_sequence_idle_microseconds: 1_000_000,
    });
  });

  test('leaves an ensemble without instances and optimization', () => {
    const ensemble: ModelConfig = { name: 'm', platform: 'ensemble', ensemble_scheduling: { step: [] } };
    expect(complete(ensemble, { gpus: [0] })).toEqual({ ...ensemble, version_policy: { latest: { num_versions: 1 } } });
  });
});

describe('ONNX Runtime completes', () => {
  const backend = 'onnxruntime';
  const dynamic: OnnxSignature = {
    inputs: [
      { name: 'x', datatype: 'FP32', shape: ['batch', 3] },
      { name: 'n', datatype: 'INT64', shape: [undefined] },
    ],
    outputs: [{ name: 'y', datatype: 'BYTES', shape: [-1, 'classes', 2] }],
  };
  const fixed: OnnxSignature = {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [] }],
  };

  test('batch size, batching and tensors of a model whose first dimensions are all dynamic', () => {
    const completed = completeConfig({ backend }, { modelName, onnx: dynamic });
    expect(completed.config).toMatchObject({
      max_batch_size: 4,
      dynamic_batching: { preferred_batch_size: [4] },
      input: [
        { name: 'x', data_type: 'TYPE_FP32', dims: [3] },
        { name: 'n', data_type: 'TYPE_INT64', dims: [1], reshape: { shape: [] } },
      ],
      output: [{ name: 'y', data_type: 'TYPE_STRING', dims: [-1, 2] }],
    });
    expect(completed.changes.filter(({ by }) => by === 'backend' || by === 'file')).toEqual([
      {
        path: 'max_batch_size',
        by: 'backend',
        reason: 'every tensor has a dynamic first dimension; default-max-batch-size is 4',
      },
      { path: 'dynamic_batching', by: 'backend', reason: 'the model can batch and no scheduler is chosen' },
      { path: 'input', by: 'file', reason: 'read from the ONNX model, because the configuration gives none' },
      { path: 'output', by: 'file', reason: 'read from the ONNX model, because the configuration gives none' },
    ]);
  });

  test('whole shapes of a model that cannot batch', () => {
    expect(complete({ backend }, { onnx: fixed })).toMatchObject({
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [1, 3] }],
      output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [1] }],
    });
    const half: OnnxSignature = { ...dynamic, outputs: [{ name: 'y', datatype: 'FP32', shape: undefined }] };
    expect(complete({ backend }, { onnx: half }).max_batch_size).toBeUndefined();
  });

  test('only the side that is missing, and nothing when both sides are there', () => {
    const given = complete({ backend, input }, { onnx: dynamic });
    expect(given.input).toEqual(input);
    expect(given.output).toEqual([{ name: 'y', data_type: 'TYPE_STRING', dims: [-1, 2] }]);
    const both = complete({ backend, input, output }, { onnx: dynamic });
    expect([both.max_batch_size, both.dynamic_batching]).toEqual([undefined, undefined]);
    const batchInput = complete({ backend, output, batch_input: [{ target_name: ['x'] }] }, { onnx: dynamic });
    expect([batchInput.input, batchInput.max_batch_size]).toEqual([undefined, undefined]);
  });

  test('by the flags of the server', () => {
    const { config, changes } = completeConfig({ backend }, { modelName, onnx: dynamic, defaultMaxBatchSize: 1 });
    expect([config.max_batch_size, config.dynamic_batching]).toEqual([1, undefined]);
    const change = changes.find(({ path }) => path === 'max_batch_size')!;
    expect([change.by, change.reason]).toEqual(['flag', expect.stringMatching(/is 1, set by --backend-config$/)]);
    expect(complete({ backend }, { onnx: dynamic, autoComplete: false }).input).toBeUndefined();
    expect(complete({ backend, sequence_batching: {} }, { onnx: dynamic }).dynamic_batching).toBeUndefined();
    expect(complete({ backend, max_batch_size: 16 }, { onnx: dynamic })).toMatchObject({
      max_batch_size: 16,
      dynamic_batching: {},
    });
    expect(complete({ backend }).input).toBeUndefined();
  });

  test('and refuses what it cannot', () => {
    expect(problems({ backend, max_batch_size: 8 }, { onnx: fixed })).toEqual([
      'complete/not-batchable max_batch_size: max_batch_size is 8, but x of the ONNX model has the shape [1, 3], whose first ' +
        'dimension is not dynamic -> set max_batch_size: 0, or export the model with a dynamic first dimension on every input and output',
    ]);
    const half: OnnxSignature = {
      inputs: dynamic.inputs,
      outputs: [{ name: 'y', datatype: 'FP32', shape: undefined }],
    };
    expect(problems({ backend, max_batch_size: 8 }, { onnx: half })[0]).toContain(
      'y of the ONNX model has the shape unknown',
    );
    const odd: OnnxSignature = {
      inputs: dynamic.inputs,
      outputs: [{ name: 'probabilities', datatype: undefined, shape: undefined }],
    };
    expect(problems({ backend }, { onnx: odd })).toEqual([
      'complete/not-a-tensor : probabilities of the ONNX model is not a tensor of a type that Triton carries -> export the model with plain tensors',
    ]);
  });
});

describe('a Python model completes', () => {
  const backend = 'python';
  const changed = (config: ModelConfig, python: NonNullable<CompletionContext['python']>) =>
    completeConfig({ backend, ...config }, { modelName, python })
      .changes.filter(({ by }) => by === 'backend')
      .map(({ path, reason }) => `${path}: ${reason}`);

  test('with what auto_complete_config returns', () => {
    const python = {
      max_batch_size: 8,
      dynamic_batching: {},
      model_transaction_policy: { decoupled: true },
      input: [{ ...input[0]!, optional: true }],
      output,
    };
    const config: ModelConfig = { output: [{ name: 'y', dims: [1], label_filename: '' }] };
    expect(complete({ backend, ...config }, { python })).toMatchObject({
      max_batch_size: 8,
      dynamic_batching: { preferred_batch_size: [8] },
      input: [{ ...input[0]!, optional: true }],
      output: [{ ...output[0]!, label_filename: '' }],
      model_transaction_policy: { decoupled: true },
    });
    expect(changed(config, python)).toEqual(
      [
        'max_batch_size',
        'input[0]',
        'output[0].data_type',
        'dynamic_batching',
        'model_transaction_policy.decoupled',
      ].map((path) => `${path}: auto_complete_config`),
    );
  });

  test('what agrees with the configuration stays as it is written', () => {
    const config: ModelConfig = {
      input: [{ ...input[0]!, optional: false, format: 'FORMAT_NONE' }],
      output,
      max_batch_size: 8,
      dynamic_batching: {},
      model_transaction_policy: {},
    };
    const same = {
      input,
      output,
      max_batch_size: 8,
      dynamic_batching: {},
      model_transaction_policy: { decoupled: false },
    };
    expect(changed(config, same)).toEqual([]);
    expect(complete({ backend, ...config }, { python: same }).input).toEqual(config.input);
    expect(changed({}, {})).toEqual([]);
    expect(
      complete({ backend }, { python: { max_batch_size: 8 }, autoComplete: false }).max_batch_size,
    ).toBeUndefined();
  });

  test('also what Triton lets a model take away', () => {
    const config: ModelConfig = { input: [{ ...input[0]!, optional: true }], output, max_batch_size: 8 };
    const python = { max_batch_size: 4, input: [], output: [{ name: 'y', data_type: 'TYPE_FP32' as const }] };
    expect(complete({ backend, ...config }, { python })).toMatchObject({
      max_batch_size: 4,
      input: [],
      output: [{ name: 'y' }],
    });
    expect(changed(config, python)).toEqual([
      'max_batch_size: auto_complete_config',
      'input: auto_complete_config removed some',
      'output[0].dims: auto_complete_config',
    ]);
  });

  test('but not with another scheduler than the configured one', () => {
    const clash = (config: ModelConfig, python: NonNullable<CompletionContext['python']>) =>
      problems({ backend, ...config }, { python })[0];
    const tail = '-> make the two agree';
    expect(clash({ sequence_batching: {} }, { dynamic_batching: {} })).toBe(
      `complete/python-clash sequence_batching: sequence_batching is configured, but auto_complete_config returns dynamic_batching ${tail}`,
    );
    expect(clash({ dynamic_batching: {} }, {})).toBe(
      `complete/python-clash dynamic_batching: dynamic_batching is configured, but auto_complete_config returns no scheduler ${tail}`,
    );
  });
});

test('every rule has its meaning', () => {
  for (const meaning of Object.values(completionRules)) expect(meaning).toMatch(/^[A-Z].*\.$/);
});
