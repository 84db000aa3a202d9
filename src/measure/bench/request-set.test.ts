import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelConfig } from '../../config/index.ts';
import { decodeStrings, type Tensor } from '../../tensor/index.ts';
import { classifier, scratch } from '../validate/fake-client.ts';
import { Subject } from '../validate/subject.ts';
import { parseLengths } from './lengths.ts';
import { prepareRequests } from './request-set.ts';

const encoder: ModelConfig = {
  max_batch_size: 8,
  input: ['input_ids', 'attention_mask'].map((name) => ({ name, data_type: 'TYPE_INT64' as const, dims: [-1] })),
  output: [{ name: 'logits', data_type: 'TYPE_FP32', dims: [3] }],
};
const image: ModelConfig = {
  max_batch_size: 0,
  input: [{ name: 'x', data_type: 'TYPE_FP16', dims: [3, -1, -1] }],
  output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [1] }],
};
const subject = (config: ModelConfig) => new Subject('m', '1', config);
const textsOf = (inputs: readonly Tensor[]) => decodeStrings(inputs[0]!.data as Uint8Array);
let files: Awaited<ReturnType<typeof scratch>>;
beforeAll(async () => {
  files = await scratch();
});
afterAll(() => files.remove());

describe('requests of texts', () => {
  test('are made with the lengths that are asked for, the same for the same seed', async () => {
    const options = { lengths: parseLengths('normal:20:5', '--lengths'), count: 400, seed: 3 };
    const set = await prepareRequests(subject(classifier), options);
    const lengths = set.inputs.map((one) => textsOf(one)[0]!.split(' ').length);
    expect(lengths.reduce((sum, one) => sum + one, 0) / 400).toBeCloseTo(20, -0.5);
    expect(new Set(lengths).size).toBeGreaterThan(10);
    expect(set).toMatchObject({ texts: true, rows: 1, tokens: undefined });
    expect(await prepareRequests(subject(classifier), options)).toEqual(set);
  });

  test('of a file are taken from all of it, several a request where a batch is asked for', async () => {
    const file = await files.jsonl(...Array.from({ length: 100 }, (_, index) => ({ text: `text ${index}` })));
    const set = await prepareRequests(subject(classifier), {
      texts: file,
      count: 5,
      batchSize: 2,
      countTokens: (text) => text.length,
    });
    expect(set.inputs.map(textsOf)).toEqual([0, 20, 40, 60, 80].map((at) => [`text ${at}`, `text ${at + 10}`]));
    expect(set.inputs[0]![0]!.shape).toEqual([2, 1]);
    expect(set.tokens).toEqual([13, 14, 14, 14, 14]);
  });
});

describe('requests of tensors', () => {
  test('take the drawn length in every input that varies, with values that an encoder takes', async () => {
    const set = await prepareRequests(subject(encoder), {
      lengths: parseLengths('uniform:4:9', '--lengths'),
      count: 50,
      batchSize: 2,
    });
    for (const [ids, mask] of set.inputs as [Tensor, Tensor][]) {
      expect(mask.shape).toEqual(ids.shape);
      expect(ids.shape[1]).toBeGreaterThanOrEqual(4);
      expect(ids.shape[1]).toBeLessThanOrEqual(9);
      expect([...(mask.data as BigInt64Array)].every((one) => one === 1n)).toBe(true);
      expect([...(ids.data as BigInt64Array)].every((one) => one > 0n && one < 1000n)).toBe(true);
    }
    expect(set.tokens).toEqual(set.inputs.map(([ids]) => 2 * ids!.shape[1]!));
  });

  test('need a shape where dims vary without meaning, and say how to give it', async () => {
    await expect(prepareRequests(subject(image), {})).rejects.toMatchObject({
      code: 'USAGE',
      message: "input 'x' has variable dims [3,-1,-1]",
      fix: 'give them: --shape x:3,8,8',
    });
    const set = await prepareRequests(subject(image), { shapes: { x: [3, 2, 4] }, count: 3 });
    expect(set.inputs[0]![0]).toMatchObject({ datatype: 'FP16', shape: [3, 2, 4] });
    await expect(prepareRequests(subject(image), { shapes: { x: [4, 2, 2] } })).rejects.toThrow(
      'the model takes [3,-1,-1]',
    );
    await expect(prepareRequests(subject(image), { shapes: { z: [1] } })).rejects.toThrow("has no input 'z'");
    await expect(prepareRequests(subject(image), { batchSize: 2 })).rejects.toThrow('does not batch');
    await expect(prepareRequests(subject(image), { texts: 'x' })).rejects.toThrow('not one text');
  });
});

test('requests of a file: inputs or texts, expected values left aside, misfits named by line', async () => {
  const file = await files.jsonl({ text: 'one', logits: [1, 2, 3] }, { text: 'two' });
  expect((await prepareRequests(subject(classifier), { data: file })).inputs.map(textsOf)).toEqual([['one'], ['two']]);
  const tensors = await files.jsonl({
    inputs: {
      input_ids: [
        [1, 2],
        [3, 4],
      ],
      attention_mask: [
        [1, 1],
        [1, 1],
      ],
    },
    outputs: {},
  });
  expect(await prepareRequests(subject(encoder), { data: tensors })).toMatchObject({ rows: 2, texts: false });
  const odd = await files.jsonl({ text: 'x' }, { other: 1 });
  await expect(prepareRequests(subject(classifier), { data: odd })).rejects.toMatchObject({
    where: { file: odd, line: 2 },
  });
});

test('lengths are read, and refused with what is known', () => {
  expect(parseLengths('32', '--lengths')).toEqual({ kind: 'fixed', values: [32] });
  expect(parseLengths('normal:32', '--lengths')).toEqual({ kind: 'normal', values: [32, 12] });
  for (const text of ['', 'normal', 'uniform:8', 'uniform:9:8', 'zipf:3', 'fixed:-1', 'fixed:1:2']) {
    expect(() => parseLengths(text, '--lengths')).toThrow(/--lengths: expected fixed:N/);
  }
});
