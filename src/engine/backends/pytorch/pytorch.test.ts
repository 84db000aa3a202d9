import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { reasonOf } from '../../testing/models.ts';
import { fp32, TemporaryRepository } from '../../testing/repository.ts';
import { python } from '../python/testing.ts';

/** A virtual environment with torch and numpy. */
const torch = process.env.CONCH_TORCH;
const fixtures = resolve(import.meta.dirname, '../../../../test/fixtures/torchscript');

class TorchRepository extends TemporaryRepository {
  torch(name: string, fixture: string, config: string, named = torch): this {
    mkdirSync(join(this.root, name, '1'), { recursive: true });
    copyFileSync(join(fixtures, `${fixture}.pt`), join(this.root, name, '1', 'model.pt'));
    const environment = `parameters { key: "EXECUTION_ENV_PATH" value { string_value: "${named}" } }`;
    return this.config(name, `platform: "pytorch_libtorch"\n${named ? environment : ''}\n${config}`);
  }
}

const scripted = (input: string, outputs: readonly [string, string]) => `max_batch_size: 8
  input { name: "${input}" data_type: TYPE_FP32 dims: [ 4 ] }
  output [ { name: "${outputs[0]}" data_type: TYPE_FP32 dims: [ 2 ] }, { name: "${outputs[1]}" data_type: TYPE_FP32 dims: [ 2 ] } ]
  dynamic_batching { max_queue_delay_microseconds: 20000 }
`;
const row = (input: string, from: number) => fp32(input, [1, 4], [from, from + 1, from + 2, from + 3]);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.runIf(torch)('a Python model with PyTorch', { timeout: 120_000 }, () => {
  test('computes in BF16 by DLPack', async () => {
    const tensors =
      'input { name: "x" data_type: TYPE_BF16 dims: [ -1 ] } output { name: "y" data_type: TYPE_BF16 dims: [ -1 ] }';
    const source = `import torch
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([pb_utils.Tensor.from_dlpack("y", torch.from_dlpack(r.inputs()[0]) * 2)]) for r in requests]
`;
    const engine = await new TorchRepository()
      .write('m/1/model.py', source)
      .config(
        'm',
        `backend: "python" ${tensors} parameters { key: "EXECUTION_ENV_PATH" value { string_value: "${torch}" } }`,
      )
      .open();
    const data = Uint16Array.of(0x3f80, 0x4000, 0xc040);
    const { outputs } = await engine.infer({ model: 'm', inputs: [{ name: 'x', datatype: 'BF16', shape: [3], data }] });
    expect([...(outputs[0]!.data as Uint16Array)]).toEqual([0x4000, 0x4080, 0xc0c0]);
  });
});

describe.runIf(torch)('TorchScript', { timeout: 120_000 }, () => {
  test('a scripted model, its inputs by argument, by index and in order, in batches', async () => {
    const repository = new TorchRepository()
      .torch('named', 'scripted', scripted('x', ['logits__0', 'odds__1']))
      .torch('numbered', 'scripted', scripted('INPUT__0', ['odds__1', 'logits__0']))
      .torch('ordered', 'scripted', scripted('anything', ['logits', 'odds']));
    const engine = await repository.open();
    const seen: number[][] = [];
    for (const [model, input] of [
      ['named', 'x'],
      ['numbered', 'INPUT__0'],
      ['ordered', 'anything'],
    ] as const) {
      const alone = await engine.infer({ model, inputs: [row(input, 1)] });
      const odds = alone.outputs.find(({ name }) => name.startsWith('odds'))!;
      const logits = alone.outputs.find(({ name }) => name.startsWith('logits'))!;
      const [a, b] = [...logits.data].map((value) => Math.exp(Number(value)));
      expect(Number(odds.data[0])).toBeCloseTo(a! / (a! + b!), 5);
      seen.push([...logits.data].map(Number));
      const together = await Promise.all([0, 1].map((from) => engine.infer({ model, inputs: [row(input, from)] })));
      const second = together[1]!.outputs.find(({ name }) => name.startsWith('logits'))!;
      expect(second.shape).toEqual([1, 2]);
      for (const [index, value] of [...second.data].entries()) expect(Number(value)).toBeCloseTo(seen[0]![index]!, 5);
    }
  });

  test('a traced model, and the parameters of its runtime', async () => {
    const config = `max_batch_size: 4
      input { name: "input" data_type: TYPE_FP32 dims: [ 4 ] } output { name: "y" data_type: TYPE_FP32 dims: [ 2 ] }
      parameters { key: "INTRA_OP_THREAD_COUNT" value { string_value: "1" } }
      parameters { key: "INFERENCE_MODE" value { string_value: "false" } }`;
    const repository = new TorchRepository()
      .torch('m', 'sequential', config)
      .torch('wrong', 'sequential', config.replace('"false"', '"perhaps"'));
    const engine = await repository.open();
    const { outputs } = await engine.infer({ model: 'm', inputs: [fp32('input', [2, 4], [1, 2, 3, 4, 0, 0, 0, 0])] });
    expect(outputs).toMatchObject([{ name: 'y', datatype: 'FP32', shape: [2, 2] }]);
    for (const value of outputs[0]!.data) expect(Number(value)).toBeGreaterThanOrEqual(0);
    expect(reasonOf(engine, 'wrong')).toContain("INFERENCE_MODE must be true or false, it is 'perhaps'");
  });

  test('what is no TorchScript is refused with the reason', async () => {
    const engine = await new TorchRepository().torch('m', 'weights', scripted('x', ['a', 'b'])).open();
    expect(reasonOf(engine, 'm')).toContain('RuntimeError');
  });
});

test.runIf(python && !torch)(
  'without torch, a TorchScript model says how to install it',
  { timeout: 30_000 },
  async () => {
    const engine = await new TorchRepository().torch('m', 'scripted', scripted('x', ['a', 'b'])).open();
    await expect(engine.load('m')).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: expect.stringContaining("No module named 'torch'"),
      fix: expect.stringContaining('-m pip install torch'),
    });
  },
);

test.each([
  ['that of conch env where it was made', true, 'environment/bin/python3'],
  ['python3 where nothing else is there', false, 'python3'],
])('the Python of TorchScript is %s', async (_, made, expected) => {
  const repository = new TorchRepository().torch('m', 'scripted', scripted('x', ['a', 'b']), '').write('bin/.keep', '');
  const [bin, environment] = [join(repository.root, 'bin'), join(repository.root, 'environment')];
  // No Python is found anywhere, so that the refusal tells which one was wanted.
  for (const [name, value] of Object.entries({ CONCH_PYTHON: '', CONCH_ENVIRONMENT: environment, PATH: bin })) {
    vi.stubEnv(name, value);
  }
  if (made) repository.write('environment/conch-environment.json', '{"installer":"pip"}');
  const engine = await repository.open();
  await expect(engine.load('m')).rejects.toMatchObject({
    message: expect.stringMatching(new RegExp(`the Python interpreter '(/.*/)?${expected}' cannot be started`)),
    fix: expect.stringContaining(made ? 'CONCH_PYTHON' : 'run `conch env`'),
  });
});
