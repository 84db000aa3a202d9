import { expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { decodeStrings, stringTensor, type Tensor } from '../tensor/index.ts';
import { Combiner } from './combine.ts';
import { type FakeServer, fakeClient, fakeServer } from './fake-client.ts';
import type { ModelInterface } from './interface.ts';

const tensor = (name: string, datatype: 'FP32' | 'BYTES', dims: number[]) => ({
  name,
  datatype,
  dims,
  optional: false,
});
const model: ModelInterface = {
  name: 'double',
  version: '1',
  maxBatchSize: 4,
  inputs: [tensor('x', 'FP32', [-1])],
  outputs: [tensor('y', 'FP32', [-1])],
  joinsRequests: true,
};

const x = (...rows: number[][]): Tensor => ({
  name: 'x',
  datatype: 'FP32',
  shape: [rows.length, rows[0]!.length],
  data: Float32Array.from(rows.flat()),
});

function serverOf(run: FakeServer['models'][string]['run']): FakeServer {
  return fakeServer({ double: { config: {}, run }, other: { config: {}, run: () => new Promise(() => {}) } });
}
const doubling = serverOf(double);
function double(inputs: Map<string, Tensor>): Tensor[] {
  const { shape, data } = inputs.get('x')!;
  if ((data as Float32Array).includes(13)) {
    throw new ConchError('SERVER_ERROR', 'no 13', { status: 'INVALID_ARG' });
  }
  return [{ name: 'y', datatype: 'FP32', shape, data: (data as Float32Array).map((value) => 2 * value) }];
}

const asked = ({ requests }: FakeServer) => requests.filter((request) => request.model === 'double');

/** A combiner that has something under way, after which what comes in one turn is joined. */
function busy(server: FakeServer): Combiner {
  const combiner = new Combiner(fakeClient(server));
  void combiner
    .run({ ...model, name: 'other' }, { inputs: [], rows: 1, id: '', signal: new AbortController().signal })
    .catch(() => {});
  return combiner;
}

async function ask(combiner: Combiner, input: Tensor, signal = new AbortController().signal, of = model) {
  const rows = input.shape[0]!;
  const { columns, offset } = await combiner.run(of, { inputs: [input], rows, id: 'r', signal });
  const { elements, elementsPerItem } = columns[0]!;
  return Array.from({ length: rows * elementsPerItem }, (_, at) => elements[offset * elementsPerItem + at]);
}

test('requests of one turn leave together, within the batch size, and get their own rows', async () => {
  doubling.requests.length = 0;
  const combiner = busy(doubling);
  const answers = await Promise.all([
    ask(combiner, x([1])),
    ask(combiner, x([2], [3])),
    ask(combiner, x([4])),
    ask(combiner, x([5], [6])),
    ask(combiner, x([7, 8])),
  ]);
  expect(answers).toEqual([[2], [4, 6], [8], [10, 12], [14, 16]]);
  expect(asked(doubling).map(({ inputs }) => inputs[0]!.shape)).toEqual([
    [4, 1],
    [2, 1],
    [1, 2],
  ]);
});

test('texts join by their frames', async () => {
  const seen: string[][] = [];
  const server = serverOf((inputs) => {
    seen.push(decodeStrings(inputs.get('x')!.data as Uint8Array));
    return [{ name: 'y', datatype: 'FP32', shape: inputs.get('x')!.shape, data: Float32Array.of(1, 2) }];
  });
  const combiner = busy(server);
  await Promise.all(['a', '€'].map((text) => ask(combiner, stringTensor('x', [1, 1], [text]))));
  expect(seen).toEqual([['a', '€']]);
});

test('a row that the model refuses fails its own request alone', async () => {
  const combiner = busy(doubling);
  const [good, bad, fine] = await Promise.allSettled([1, 13, 2].map((value) => ask(combiner, x([value]))));
  expect([good, fine]).toMatchObject([{ value: [2] }, { value: [4] }]);
  expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'no 13' } });
});

test('a server that is gone fails them once, not each again', async () => {
  const server = serverOf(double);
  server.reachable = false;
  const combiner = busy(server);
  const results = await Promise.allSettled([1, 2].map((value) => ask(combiner, x([value]))));
  expect(results).toMatchObject([
    { reason: { code: 'SERVER_UNREACHABLE' } },
    { reason: { code: 'SERVER_UNREACHABLE' } },
  ]);
  // Besides what was under way.
  expect(server.calls.infer).toBe(2);
});

test('who goes away is let go at once, and the inference ends when nobody is left', async () => {
  let aborted = 0;
  let arrived!: () => void;
  const underWay = new Promise<void>((resolve) => (arrived = resolve));
  const server = serverOf(
    (_inputs, { signal }) =>
      new Promise((_resolve, reject) => {
        arrived();
        signal!.addEventListener('abort', () => {
          aborted++;
          reject(signal!.reason);
        });
      }),
  );
  const combiner = busy(server);
  const [one, two] = [new AbortController(), new AbortController()];
  const calls = [ask(combiner, x([1]), one.signal), ask(combiner, x([2]), two.signal)];
  await underWay;
  one.abort(new ConchError('REQUEST_CANCELLED', 'first'));
  await expect(calls[0]).rejects.toThrow('first');
  expect(aborted).toBe(0);
  two.abort(new ConchError('DEADLINE_EXCEEDED', 'second'));
  await expect(calls[1]).rejects.toThrow('second');
  expect(aborted).toBe(1);
});

test('a model whose configuration does not batch requests gets each by itself', async () => {
  doubling.requests.length = 0;
  const combiner = busy(doubling);
  const { joinsRequests: _, ...alone } = model;
  await Promise.all([1, 2].map((value) => ask(combiner, x([value]), undefined, alone)));
  expect(asked(doubling)).toHaveLength(2);
});

test('while nothing is under way a request leaves at once', async () => {
  doubling.requests.length = 0;
  const combiner = new Combiner(fakeClient(doubling));
  const before = doubling.calls.infer!;
  const answer = ask(combiner, x([1]));
  expect(doubling.calls.infer).toBe(before + 1);
  const others = [ask(combiner, x([2])), ask(combiner, x([3]))];
  expect([await answer, ...(await Promise.all(others))]).toEqual([[2], [4], [6]]);
  expect(asked(doubling).map(({ inputs }) => inputs[0]!.shape[0])).toEqual([1, 2]);
});
