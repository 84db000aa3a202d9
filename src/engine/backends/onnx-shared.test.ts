import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashBytes } from '../../base/index.ts';
import { fp32, TemporaryRepository } from '../testing/repository.ts';

const share = (value: string) => `parameters { key: "conch.shared_weights" value { string_value: "${value}" } } `;
const config = `
  backend: "onnxruntime" max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 10 ] }
  output { name: "prediction" data_type: TYPE_FP32 dims: [ 1 ] }
  instance_group { count: 3 kind: KIND_CPU }
  parameters { key: "conch.execution" value { string_value: "worker" } }
`;

/** Serves the model once and says what it predicts and which folders the cache then has. */
async function served(repository: TemporaryRepository, cacheDirectory: string) {
  const engine = await repository.open({ cacheDirectory });
  const infer = () => engine.infer({ model: 'm', inputs: [fp32('x', [1, 10], new Array(10).fill(0.25))] });
  const answers = await Promise.all([infer(), infer(), infer()]);
  await engine.close();
  const entries = entriesOf(cacheDirectory);
  return { predictions: answers.map(({ outputs }) => outputs[0]!.data[0]), entries };
}

function entriesOf(cacheDirectory: string): string[] {
  try {
    return readdirSync(join(cacheDirectory, 'onnx')).filter((name) => name !== 'sources');
  } catch {
    return [];
  }
}

describe('instances that share their weights', () => {
  test('answer as those that do not; the cache stands beside the repository', async () => {
    const repository = new TemporaryRepository().onnx('m', 'mlp', config + share('1'));
    const cache = join(repository.root, '../', `${repository.root.split('/').at(-1)}-cache`);
    const shared = await served(repository, cache);
    expect(shared.entries.length).toBe(1);
    const dir = join(cache, 'onnx', shared.entries[0]!);
    expect(readdirSync(dir).sort()).toEqual(['entry.json', 'model.onnx', 'weights.data']);
    expect(readdirSync(join(repository.root, 'm', '1'))).toEqual(['model.onnx']);
    const own = await served(repository.config('m', config + share('0')), join(cache, 'none'));
    expect(own.entries).toEqual([]);
    expect(shared.predictions).toEqual(own.predictions);
    rmSync(cache, { recursive: true });
  });

  test('small models do not by themselves', async () => {
    const repository = new TemporaryRepository().onnx('m', 'mlp', config);
    expect((await served(repository, join(repository.root, '.cache'))).entries).toEqual([]);
  });

  test('a second start finds the weights, a damaged file is written again', async () => {
    const repository = new TemporaryRepository().onnx('m', 'mlp', config + share('1'));
    const cache = join(repository.root, '.cache');
    const first = await served(repository, cache);
    const model = join(cache, 'onnx', first.entries[0]!, 'model.onnx');
    const written = readFileSync(model);
    expect(await served(repository, cache)).toEqual(first);
    writeFileSync(
      model,
      written.map((byte) => 255 - byte),
    );
    expect(await served(repository, cache)).toEqual(first);
    expect(readFileSync(model)).toEqual(written);
  });

  test('other optimisation, another entry', async () => {
    const repository = new TemporaryRepository().onnx('m', 'mlp', config + share('1'));
    const cache = join(repository.root, '.cache');
    const first = await served(repository, cache);
    repository.config('m', `${config + share('1')} optimization { graph { level: 2 } }`);
    const second = await served(repository, cache);
    expect(second.entries.length).toBe(2);
    expect(second.predictions.map((value) => Number(value).toFixed(5))).toEqual(
      first.predictions.map((value) => Number(value).toFixed(5)),
    );
  });

  test('a cache that cannot be written is no reason not to serve', async () => {
    const repository = new TemporaryRepository().onnx('m', 'mlp', config + share('1'));
    writeFileSync(join(repository.root, '.file'), '');
    const { predictions } = await served(repository, join(repository.root, '.file', 'cache'));
    expect(new Set(predictions).size).toBe(1);
  });

  test('an entry that the runtime does not take is dropped, and each instance opens the model itself', async () => {
    const repository = new TemporaryRepository().onnx('m', 'mlp', config + share('1'));
    const cache = join(repository.root, '.cache');
    const first = await served(repository, cache);
    const dir = join(cache, 'onnx', first.entries[0]!);
    // By its manifest it is whole.
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    writeFileSync(join(dir, 'model.onnx'), 'not a model');
    writeFileSync(join(dir, 'entry.json'), manifestOf('not a model'));
    expect((await served(repository, cache)).predictions).toEqual(first.predictions);
  });

  test('the parameter says 0 or 1', async () => {
    const engine = await new TemporaryRepository().onnx('m', 'mlp', config + share('yes')).open();
    await expect(engine.load('m')).rejects.toMatchObject({
      code: 'MODEL_LOAD_FAILED',
      message: "model 'm' version 1: parameter 'conch.shared_weights' must be '0' or '1', it is 'yes'",
    });
  });
});

function manifestOf(text: string): string {
  // Found good by size and hash; the rest is looked at again.
  const hash = hashBytes(text);
  return JSON.stringify({ 'model.onnx': { size: `${text.length}`, inode: '0', changed: '0', hash } });
}
