import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type ConchError, createLogger } from '../../base/index.ts';
import { completeConfig, parseConfig } from '../../config/index.ts';
import type { Backend } from '../backend.ts';
import { noServer } from '../testing/probe.ts';
import { TemporaryRepository, tensor } from '../testing/repository.ts';
import { onnxBackend } from './onnx.ts';
import { sessionOptions } from './onnx-options.ts';
import { OnnxThread } from './onnx-thread.ts';

const parameter = (key: string, value: string) => `parameters { key: "${key}" value { string_value: "${value}" } } `;
const side = (kind: string, name: string, type: string, dims: string, more = '') =>
  `${kind} { name: "${name}" data_type: ${type} dims: [ ${dims} ] ${more} } `;
const onnx = 'backend: "onnxruntime" ';
const add = (batch = 'max_batch_size: 4 ') =>
  `${onnx}${batch}${side('input', 'a', 'TYPE_FP32', '4')}${side('input', 'b', 'TYPE_FP32', '4')}${side('output', 'sum', 'TYPE_FP32', '4')}`;

async function refusal(fixture: string, config: string) {
  const engine = await new TemporaryRepository().onnx('m', fixture, config).open();
  try {
    await engine.load('m');
  } catch (error) {
    return error as ConchError;
  }
  throw new Error('it loaded');
}

describe('a config that the model contradicts', () => {
  const x = side('input', 'x', 'TYPE_FP32', '10');
  const y = side('output', 'prediction', 'TYPE_FP32', '1');
  const batching = `${onnx}max_batch_size: 4 `;
  test.each([
    [
      'too few inputs',
      'add',
      `${batching}${side('input', 'a', 'TYPE_FP32', '4')}${side('output', 'sum', 'TYPE_FP32', '4')}`,
      "the model takes 2 inputs, the config lists 1; missing: 'b'",
    ],
    ['one input twice', 'mlp', `${batching}${x}${x}${y}`, 'the model takes 1 inputs, the config lists 2'],
    [
      'an unknown input',
      'mlp',
      `${batching}${side('input', 'z', 'TYPE_FP32', '10')}${y}`,
      "input 'z': the model has no such input; it has 'x'",
    ],
    [
      'an unknown output',
      'mlp',
      `${batching}${x}${side('output', 'z', 'TYPE_FP32', '1')}`,
      "output 'z': the model has no such output; it has 'prediction'",
    ],
    [
      'another type',
      'mlp',
      `${batching}${side('input', 'x', 'TYPE_INT64', '10')}${y}`,
      "input 'x': the config says TYPE_INT64, the model has TYPE_FP32",
    ],
    [
      'another size',
      'mlp',
      `${batching}${side('input', 'x', 'TYPE_FP32', '9')}${y}`,
      "input 'x': the config says [batch,9], the model has [batch,10]",
    ],
    [
      'another rank',
      'mlp',
      `${batching}${side('input', 'x', 'TYPE_FP32', '10, 1')}${y}`,
      "input 'x': ranks differ: the config says [batch,10,1], the model has [batch,10]",
    ],
    [
      'a fixed output where the model is dynamic',
      'gather',
      `${batching}${side('input', 'ids', 'TYPE_INT64', '-1')}${side('output', 'rows', 'TYPE_FP32', '3, 2')}`,
      "output 'rows': the config says [batch,3,2], the model has [batch,-1,2]",
    ],
    [
      'a dynamic output where the model is fixed',
      'mlp',
      `${batching}${x}${side('output', 'prediction', 'TYPE_FP32', '-1')}`,
      "output 'prediction': the config says [batch,-1], the model has [batch,1]",
    ],
    [
      'a batch where the first dimension is fixed',
      'double',
      `${batching}${side('input', 'x', 'TYPE_FP32', '3')}${side('output', 'y', 'TYPE_FP32', '3')}`,
      "input 'x': max_batch_size is above 0, but the model's first dimension is not dynamic: the config says [batch,3], the model has [batch=3]",
    ],
    [
      'a reshape that does not match',
      'mlp',
      `${batching}${side('input', 'x', 'TYPE_FP32', '10', 'reshape { shape: [ 2, 5 ] }')}${y}`,
      "input 'x': ranks differ: the config says [batch,2,5], the model has [batch,10]",
    ],
    [
      'a scalar that is more than one number',
      'scalar',
      `${onnx}${side('input', 'x', 'TYPE_FP32', '2')}${side('output', 'y', 'TYPE_FP32', '1')}`,
      "input 'x': the model has a scalar here: dims must be [ 1 ], not [2]",
    ],
    [
      'an optional input with a batch',
      'mlp',
      `${batching}${side('input', 'x', 'TYPE_FP32', '10', 'optional: true')}${y}`,
      "input 'x': optional inputs need max_batch_size 0 with ONNX Runtime",
    ],
    [
      'an output that is no tensor',
      'sequence',
      `${batching}${side('input', 'x', 'TYPE_FP32', '2')}${side('output', 'y', 'TYPE_FP32', '2')}`,
      "output 'y': ONNX Runtime's Node binding does not carry this kind of value",
    ],
  ])('%s', async (_, fixture, config, message) => {
    const error = await refusal(fixture, config);
    expect(error).toMatchObject({ code: 'MODEL_LOAD_FAILED', message: `model 'm' version 1: ${message}` });
  });

  test('a dynamic dimension of an input accepts any configured size', async () => {
    const config = `${batching}${side('input', 'ids', 'TYPE_INT64', '7')}${side('output', 'total', 'TYPE_INT64', '1')}`;
    const engine = await new TemporaryRepository().onnx('m', 'row_sum', config).open();
    expect(engine.isReady()).toBe(true);
  });

  test('outputs may be left out', async () => {
    const config = `${onnx}max_batch_size: 4 ${side('input', 'x', 'TYPE_FP32', '10')}${y}`;
    const engine = await new TemporaryRepository().onnx('m', 'mlp', config).open();
    expect(engine.isReady()).toBe(true);
  });
});

describe('what the embedded server does not do', () => {
  test.each([
    ['custom operators', 'model_operations { op_library_filename: "lib.so" }', 'loading operator libraries'],
    [
      'an accelerator',
      'optimization { execution_accelerators { cpu_execution_accelerator { name: "openvino" } } }',
      "the accelerator 'openvino'",
    ],
  ])('%s', async (_, more, what) => {
    expect(await refusal('add', add() + more)).toMatchObject({
      code: 'NOT_SUPPORTED',
      message: `model 'm' version 1: ${what} is not something that the embedded server's ONNX backend does`,
      fix: 'serve the model with Triton',
    });
  });

  test("feeding an initializer: the Node binding would silently use the model's own value", async () => {
    const io = `${onnx}${side('input', 'x', 'TYPE_FP32', '-1')}${side('output', 'y', 'TYPE_FP32', '-1')}`;
    expect(await refusal('scale', io + side('input', 'factor', 'TYPE_FP32', '1', 'optional: true'))).toMatchObject({
      code: 'NOT_SUPPORTED',
      message:
        "model 'm' version 1: input 'factor' is an initializer with a default, which ONNX Runtime's Node binding cannot feed",
      fix: 'leave it out of the config to use its default, or serve the model with Triton',
    });
    const engine = await new TemporaryRepository().onnx('m', 'scale', io).open();
    const { outputs } = await engine.infer({ model: 'm', inputs: [tensor('x', 'FP32', [2], [1, 2])] });
    expect(outputs[0]!.data).toEqual(Float32Array.of(10, 20));
  });
});

test('more instances than any machine has room for', async () => {
  const error = await refusal('add', `${add()}instance_group { count: 1000000000 kind: KIND_CPU }`);
  expect(error).toMatchObject({
    code: 'MODEL_LOAD_FAILED',
    message: "model 'm' version 1: instance_group asks for 1000000000 instances; at most 256 threads are started",
  });
});

describe('model files', () => {
  test('missing, broken, or under another name', async () => {
    const absent = await new TemporaryRepository().bare('m', add()).open();
    await expect(absent.load('m')).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      status: 'UNAVAILABLE',
      message: expect.stringMatching(
        /^model 'm' version 1: the model file .*m\/1\/model\.onnx does not exist or cannot be read$/,
      ),
    });
    const broken = await new TemporaryRepository().bare('m', add()).write('m/1/model.onnx', 'not a model').open();
    await expect(broken.load('m')).rejects.toMatchObject({ message: expect.stringMatching(/model\.onnx/) });
    const repository = new TemporaryRepository().onnx('other', 'add', add());
    const engine = await repository.bare('m', `${add()} default_model_filename: "../../other/1/model.onnx"`).open();
    await expect(engine.load('m')).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: "model 'm' version 1: default_model_filename '../../other/1/model.onnx' leaves the version's folder",
    });
  });

  test('a folder that holds model.onnx', async () => {
    const repository = new TemporaryRepository().onnx('other', 'add', add());
    const { readFileSync } = await import('node:fs');
    const bytes = readFileSync(`${repository.root}/other/1/model.onnx`);
    const engine = await repository
      .bare('m', `${add()} default_model_filename: "net"`)
      .write('m/1/net/model.onnx', bytes)
      .open();
    expect(engine.isModelReady('m')).toBe(true);
  });
});

describe('session options', () => {
  const options = (text: string, threads = 3) => sessionOptions(parseConfig(text).config, threads);

  test('threads are shared out where the config says nothing', () => {
    expect(options('')).toMatchObject({
      intraOpNumThreads: 3,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      enableCpuMemArena: true,
      enableMemPattern: true,
    });
  });

  test("Triton's parameters", () => {
    const text =
      parameter('intra_op_thread_count', '5') +
      parameter('inter_op_thread_count', '2') +
      parameter('execution_mode', '1') +
      parameter('enable_mem_arena', '0') +
      parameter('enable_mem_pattern', '0');
    expect(options(text)).toMatchObject({
      intraOpNumThreads: 5,
      interOpNumThreads: 2,
      executionMode: 'parallel',
      enableCpuMemArena: false,
      enableMemPattern: false,
    });
    expect(options(parameter('intra_op_thread_count', '0')).intraOpNumThreads).toBeGreaterThan(0);
  });

  test.each([
    [-1, 'basic'],
    [0, 'all'],
    [1, 'extended'],
    [2, 'disabled'],
    [7, 'all'],
  ])('graph level %i is %s', (level, name) => {
    expect(options(`optimization { graph { level: ${level} } }`).graphOptimizationLevel).toBe(name);
  });

  test("ONNX Runtime's own entries pass through by name", () => {
    const text = parameter('session.intra_op.allow_spinning', '0') + parameter('conch.execution', 'worker');
    expect(options(text).extra).toEqual({ 'session.intra_op.allow_spinning': '0' });
  });

  test.each([
    ['intra_op_thread_count', 'many', 'a whole number from 0 to 1024'],
    ['inter_op_thread_count', '-1', 'a whole number from 0 to 1024'],
    ['execution_mode', '2', 'a whole number from 0 to 1'],
    ['conch.execution', 'cloud', "'inline' or 'worker'"],
  ])('%s: %s is refused', async (key, value, expected) => {
    expect(await refusal('add', add() + parameter(key, value))).toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: `model 'm' version 1: parameter '${key}' must be ${expected}, it is '${value}'`,
      where: { path: `parameters["${key}"].string_value`, line: expect.any(Number) },
    });
  });
});

describe('where a model runs', () => {
  const facts = async (fixture: string, config: string) => {
    const repository = new TemporaryRepository().onnx('m', fixture, config);
    const { config: completed } = completeConfig(parseConfig(config).config, {
      modelName: 'm',
      versionFiles: ['model.onnx'],
    });
    const load: Backend['load'] = onnxBackend.load;
    const loaded = await load({
      name: 'm',
      version: 1,
      config: completed,
      dir: `${repository.root}/m/1`,
      files: [{ path: 'model.onnx', size: 200 }],
      threads: 1,
      logger: createLogger('silent'),
      server: noServer,
    });
    await loaded.close();
    return loaded.facts;
  };
  const inline = { inline: true, instances: 1, concurrency: 1, padded: true, plainText: true };

  test('a tiny model of fixed shapes runs on the event loop, once', async () => {
    expect(await facts('add', `${add()} instance_group { count: 4 kind: KIND_CPU }`)).toEqual(inline);
  });

  test('a model whose length of run hangs on the request runs in threads', async () => {
    const rowSum = `${onnx}max_batch_size: 4 ${side('input', 'ids', 'TYPE_INT64', '-1')}${side('output', 'total', 'TYPE_INT64', '1')}`;
    expect(await facts('row_sum', rowSum)).toEqual({ ...inline, inline: false, instances: 2 });
    const spin = `${onnx}${side('input', 'rounds', 'TYPE_INT64', '1')}${side('output', 'count', 'TYPE_INT64', '1')}`;
    expect((await facts('spin', spin)).inline).toBe(false);
  });

  test('the parameter decides where it is given; instances of all groups count, but passive ones', async () => {
    const groups =
      'instance_group [ { count: 2 kind: KIND_CPU }, { count: 3 kind: KIND_CPU }, { count: 9 kind: KIND_CPU passive: true } ]';
    expect(await facts('add', `${add()} ${groups} ${parameter('conch.execution', 'worker')}`)).toEqual({
      ...inline,
      inline: false,
      instances: 5,
    });
    const rowSum = `${onnx}max_batch_size: 4 ${side('input', 'ids', 'TYPE_INT64', '-1')}${side('output', 'total', 'TYPE_INT64', '1')}`;
    expect(await facts('row_sum', rowSum + parameter('conch.execution', 'inline'))).toEqual(inline);
  });
});

describe('threads', () => {
  const layout = {
    batched: false,
    plain: true,
    scalars: new Set<string>(),
    ragged: new Set<string>(),
    batchInputs: [],
    scattered: new Map(),
  };
  const spin = (repository: TemporaryRepository) => `${repository.root}/m/1/model.onnx`;
  const config = `${onnx}${side('input', 'rounds', 'TYPE_INT64', '1')}${side('output', 'count', 'TYPE_INT64', '1')}instance_group { count: 1 kind: KIND_CPU }`;
  const rounds = (count: number) => ({
    requests: [{ inputs: [tensor('rounds', 'INT64', [1], [count])], rows: 1, outputs: ['count'], context: {} }],
    rows: 1,
  });

  test('a thread that dies is reported once, and what it is given then fails', async () => {
    const repository = new TemporaryRepository().onnx('m', 'spin', config);
    const threads: import('node:worker_threads').Worker[] = [];
    const watch = (worker: import('node:worker_threads').Worker) => void threads.push(worker);
    process.on('worker', watch);
    const losses: ConchError[] = [];
    const thread = await OnnxThread.start({ path: spin(repository), options: {}, name: 'm_0', layout }, (error) =>
      losses.push(error),
    );
    process.off('worker', watch);
    expect((await thread.run(rounds(3))).responses).toMatchObject([
      { outputs: [{ name: 'count', data: BigInt64Array.of(3n) }] },
    ]);
    // Only while it is idle: see exit.ts.
    await threads[0]!.terminate();
    expect(losses).toMatchObject([
      {
        code: 'EXECUTION_FAILED',
        status: 'UNAVAILABLE',
        message: "instance 'm_0': its thread died: it ended with code 1",
      },
    ]);
    await expect(thread.run(rounds(1))).rejects.toBe(losses[0]);
    await thread.close();
    expect(losses.length).toBe(1);
  });

  test('a dead thread is replaced, and the model goes on', async () => {
    const threads: import('node:worker_threads').Worker[] = [];
    const watch = (worker: import('node:worker_threads').Worker) => void threads.push(worker);
    process.on('worker', watch);
    const engine = await new TemporaryRepository().onnx('m', 'spin', config).open();
    const ask = () => engine.infer({ model: 'm', inputs: [tensor('rounds', 'INT64', [1], [5])] });
    await ask();
    await threads[0]!.terminate();
    expect((await ask()).outputs[0]!.data).toEqual(BigInt64Array.of(5n));
    expect(threads.length).toBe(2);
    process.off('worker', watch);
  });

  test('closing breaks off a run for the client, while the thread finishes by itself', async () => {
    const engine = await new TemporaryRepository().onnx('m', 'spin', config).open();
    const run = engine.infer({ model: 'm', inputs: [tensor('rounds', 'INT64', [1], [300_000])] });
    const settled = expect(run).rejects.toMatchObject({ code: 'SERVER_STOPPING' });
    expect(await engine.close({ timeoutMs: 1 })).toBe(false);
    await settled;
  });

  test('a process that exits while a model runs ends as it wanted to', async () => {
    const repository = new TemporaryRepository().onnx('m', 'spin', config);
    const script = `
      const { Engine } = await import(${JSON.stringify(new URL('../index.ts', import.meta.url).href)});
      const engine = await Engine.open({ repository: ${JSON.stringify(repository.root)} });
      void engine.infer({ model: 'm', inputs: [{ name: 'rounds', datatype: 'INT64', shape: [1], data: BigInt64Array.of(500000n) }] });
      setTimeout(() => process.exit(7), 20);
    `;
    const child = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    await expect(child).rejects.toMatchObject({ code: 7, signal: null, stderr: '' });
  });
});
