import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import { decodeStrings } from '../../tensor/index.ts';
import { formatReport, type ValidateOptions, validate } from '../index.ts';
import { type Answer, classifier, client, fp32, regressor, scratch, spelt } from './fake-client.ts';

let files: Awaited<ReturnType<typeof scratch>>;
const jsonl: (typeof files)['jsonl'] = (...lines) => files.jsonl(...lines);
beforeAll(async () => {
  files = await scratch();
});
afterAll(() => files.remove());

const run = (client: InferenceClient, expect: string, options: Partial<ValidateOptions> = {}) =>
  validate({ client, model: 'm', expect, ...options });

test('texts within the tolerance pass, with accuracy and F1 against their labels', async () => {
  const expect_ = await jsonl(
    { text: '3 1 0', logits: [3.00005, 1, 0], label: 'positive' },
    { text: '0 2 1', logits: [0, 2, 1], label: 'negative' },
    '',
    { text: '0 1 2', logits: [0, 1, 2], label: 'negative' },
    { text: '0 1 3', logits: [0, 1, 3], label: 2 },
  );
  const report = await run(client(classifier, spelt), expect_);
  expect(report).toMatchObject({
    model: 'm',
    version: '12',
    server: 'http://server:8000',
    expect: expect_,
    tolerance: 1e-4,
    count: 4,
    passed: true,
    missed: 0,
    labels: { compared: 4, agreed: 4 },
    failures: [],
  });
  expect(report.worst).toMatchObject({ line: 1, output: 'logits', index: 0, expected: 3.00005, got: 3 });
  expect(report.worst!.error).toBeCloseTo(5e-5, 12);
  expect(report.meanAbsoluteError).toBeCloseTo(5e-5 / 12, 12);
  expect(report.accuracy!.served).toEqual({
    lines: 4,
    accuracy: 0.75,
    macroF1: (1 + 2 / 3 + 2 / 3) / 3,
    classes: [
      { label: 'positive', precision: 1, recall: 1, f1: 1, support: 1 },
      { label: 'negative', precision: 1, recall: 0.5, f1: 2 / 3, support: 2 },
      { label: 'neutral', precision: 0.5, recall: 1, f1: 2 / 3, support: 1 },
    ],
  });
  expect(report.accuracy!.reference).toEqual(report.accuracy!.served);
  expect(report.examples.map(({ line, label }) => [line, label])).toEqual([
    [1, 'positive'],
    [2, 'negative'],
    [4, 'neutral'],
    [5, 'neutral'],
  ]);
  expect(report.examples[0]!.score).toBeCloseTo(Math.exp(3) / (Math.exp(3) + Math.E + 1), 6);
});

test('misses are counted, listed and explained', async () => {
  const expect_ = await jsonl(
    { text: '3 1 0', logits: [3, 1, 0] },
    { text: '3 1 0.5', logits: [3, 1, 0] },
    { text: '1 1.00001 0', logits: [1.00001, 1, 0] },
    { text: 'NaN 1 0', logits: [1, 2, 0] },
    { text: '1 -Infinity 0', logits: [1, 2, 0] },
    { text: '1 2', logits: [1, 2, 0] },
  );
  const report = await run(client(classifier, spelt), expect_);
  expect([report.passed, report.missed, report.count]).toEqual([false, 5, 6]);
  expect(report.failures.map(({ line, reason }) => [line, reason])).toEqual([
    [2, 'logits[2]: expected 0, got 0.5, off by 5.00e-1'],
    [3, "label: expected 'positive', got 'negative'"],
    [4, "logits[0]: expected 1, got NaN, which never passes; label: expected 'negative', got none (NaN)"],
    [5, "logits[1]: expected 2, got -Infinity, which never passes; label: expected 'negative', got 'positive'"],
    [6, 'logits: expected shape [3], got [1,2]'],
  ]);
  expect(report.failures[0]).toMatchObject({ excerpt: '3 1 0.5', expected: [3, 1, 0], got: [3, 1, 0.5] });
  expect(report.worst).toMatchObject({ line: 4, index: 0, error: Number.POSITIVE_INFINITY });
  expect(Number.isFinite(report.meanAbsoluteError)).toBe(true);
  expect(JSON.parse(JSON.stringify(report)).worst).toEqual({
    line: 4,
    output: 'logits',
    index: 0,
    expected: 1,
    got: 'NaN',
    error: 'Infinity',
  });
});

test('the tolerance is the largest error that passes', async () => {
  const expect_ = await jsonl({ text: '0.5 0 1', logits: [0.75, 0, 1] });
  const server = client(classifier, spelt);
  expect((await run(server, expect_, { tolerance: 0.25 })).passed).toBe(true);
  expect((await run(server, expect_, { tolerance: 0.2499 })).passed).toBe(false);
  expect((await run(server, await jsonl({ text: '1 2 3', logits: [1, 2, 3] }), { tolerance: 0 })).passed).toBe(true);
});

test('tensors by name, with or without the batch dimension', async () => {
  const sum: Answer = ({ inputs: [x] }) => {
    const values = x!.data as Float32Array;
    const rows = x!.shape[0]!;
    return [
      fp32(
        'y',
        [rows, 1],
        Array.from({ length: rows }, (_, row) => values[2 * row]! + values[2 * row + 1]!),
      ),
    ];
  };
  const expect_ = await jsonl(
    { inputs: { x: [1, 2] }, outputs: { y: [3] } },
    { inputs: { x: [1, 2] }, outputs: { y: 3 } },
    { inputs: { x: [[1, 2]] }, outputs: { y: [[3]] } },
    {
      inputs: {
        x: [
          [1, 2],
          [3, 4],
        ],
      },
      outputs: { y: [[3], [7]] },
    },
    { inputs: { x: [1, 2] }, outputs: { y: [[3], [7]] } },
  );
  const report = await run(client(regressor, sum), expect_);
  expect(report.failures.map(({ line, reason }) => [line, reason])).toEqual([
    [5, 'y: expected shape [2,1], got [1,1]'],
  ]);
  expect(report.labels).toBeUndefined();
  expect(report.accuracy).toBeUndefined();
  expect(report.examples.map(({ excerpt }) => excerpt)).toEqual(['{"x":[1,2]}', '{"x":[1,2]}', '{"x":[[1,2]]}']);
});

test('every data type, a model without batch dimension, and outputs of text', async () => {
  const types = {
    FP16: [0.5, -1],
    BF16: [1.5, 2],
    FP64: [1e300, 0],
    INT64: [-5, 6],
    UINT8: [0, 255],
    BOOL: [true, false],
    STRING: ['ä', ''],
  };
  const tensors = Object.keys(types).map((type) => ({
    name: type,
    data_type: `TYPE_${type}` as 'TYPE_FP16',
    dims: [2],
  }));
  const config = { input: tensors, output: tensors };
  const line = { inputs: types, outputs: types };
  const server = client(config, ({ inputs }) => [...inputs]);
  expect((await run(server, await jsonl(line))).failures).toEqual([]);
  const wrong = { ...types, STRING: ['ä', 'x'], BOOL: [true, true], INT64: [-5, 7] };
  const { failures } = await run(server, await jsonl({ inputs: types, outputs: wrong }));
  expect(failures[0]!.reason).toBe(
    'INT64[1]: expected 7, got 6, off by 1.00e+0; BOOL[1]: expected 1, got 0, off by 1.00e+0; STRING[1]: expected "x", got ""',
  );
});

test('a labelled output of a tensor line counts as classes', async () => {
  const config = { ...classifier, input: regressor.input! };
  const server = client(config, () => [fp32('logits', [1, 3], [1, 2, 3])]);
  const line = { inputs: { x: [1, 2] }, outputs: { logits: [1, 2, 3] }, label: 'neutral' };
  const report = await run(server, await jsonl(line));
  expect([report.labels, report.accuracy!.served.accuracy]).toEqual([{ compared: 1, agreed: 1 }, 1]);
});

test('a request that the server refuses is a missed line; a server that is gone ends the run', async () => {
  const refusing = client(classifier, (request) => {
    const [text] = decodeStrings(request.inputs[0]!.data as Uint8Array);
    if (text === 'bad') throw new ConchError('SERVER_ERROR', 'too long for me', { status: 'INVALID_ARG' });
    return spelt(request);
  });
  const expect_ = await jsonl({ text: 'bad', logits: [1, 2, 3] }, { text: '1 2 3', logits: [1, 2, 3] });
  const report = await run(refusing, expect_);
  expect(report).toMatchObject({ missed: 1, count: 2, failures: [{ line: 1, reason: 'too long for me' }] });
  const gone = client(classifier, () => {
    throw new ConchError('SERVER_UNREACHABLE', 'cannot reach http://server:8000');
  });
  await expect(run(gone, expect_)).rejects.toThrow('cannot reach http://server:8000');
  const unloaded = client(classifier, () => {
    throw new ConchError('SERVER_ERROR', 'no such model any more', { status: 'NOT_FOUND' });
  });
  await expect(run(unloaded, expect_)).rejects.toThrow('no such model any more');
});

test('the output is missing from the answer', async () => {
  const report = await run(
    client(classifier, () => []),
    await jsonl({ text: 'a', logits: [1, 2, 3] }),
  );
  expect(report.failures[0]!.reason).toBe('logits: the server gave no such output');
  expect(report.worst).toBeUndefined();
  expect(formatReport(report)).toContain('MISSED: 1 of 1 line is not within 0.0001 of the reference');
});

test('mistakes in the call are named', async () => {
  const server = client(classifier, spelt);
  const expect_ = await jsonl({ text: '1 2 3', logits: [1, 2, 3] });
  await expect(run(server, expect_, { tolerance: Number.NaN })).rejects.toThrow(
    'tolerance: expected a number of at least 0, got NaN',
  );
  await expect(run(server, expect_, { concurrency: 0 })).rejects.toThrow(
    'concurrency: expected a positive integer, got 0',
  );
  await expect(run(server, expect_, { labels: ['a'] })).rejects.toThrow(
    'labels: the model has 3 classes, got 1 labels',
  );
  await expect(run(server, expect_, { model: 'n' })).rejects.toThrow(
    "http://server:8000 has no model 'n'; it has m, other",
  );
  await expect(run(server, expect_, { model: 'n', version: '7' })).rejects.toThrow("has no model 'n' in version 7");
  const odd = client({ input: [{ name: 'x', data_type: 99 }] }, spelt);
  await expect(run(odd, expect_)).rejects.toThrow("model 'm', tensor 'x': data type 99 is unknown");
});

test('labels given by hand are used; without any, names cannot be scored and the report says so', async () => {
  const expect_ = await jsonl({ text: '3 1 0', logits: [3, 1, 0], label: 'up' }, { text: '0 1 0', logits: [0, 1, 0] });
  const given = await run(client(classifier, spelt, undefined), expect_, { labels: ['up', 'down', 'flat'] });
  expect(given.accuracy!.served.accuracy).toBe(1);
  const untold = client(classifier, spelt);
  untold.infer = async (request) => {
    if (request.outputs![0]!.classification) throw new ConchError('SERVER_ERROR', 'no such extension');
    return { model: 'm', version: '12', outputs: await spelt(request) };
  };
  const without = await run(untold, expect_);
  expect([without.passed, without.accuracy, without.labels]).toEqual([true, undefined, { compared: 2, agreed: 2 }]);
  expect(without.notes).toEqual([
    '1 lines name a label, but the server does not tell its labels: they are left out of accuracy',
  ]);
  expect(without.examples[0]!.label).toBe('LABEL_0');
});

test('requests in flight stay within the limit, and the report is in order whatever order answers come in', async () => {
  let inFlight = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const server = client(classifier, async (request) => {
    most = Math.max(most, ++inFlight);
    // Answers the newest first, once three wait or no more come.
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 3) while (waiting.length > 0) waiting.pop()!();
    });
    inFlight--;
    return spelt(request);
  });
  const lines = Array.from({ length: 30 }, (_, index) => ({ text: `${index} 0 100`, logits: [index + 1, 0, 100] }));
  const report = await run(server, await jsonl(...lines), { concurrency: 3 });
  expect(most).toBe(3);
  expect(report.count).toBe(30);
  expect(report.failures.map(({ line }) => line)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

test('an error stops the requests that are still running', async () => {
  const signals: AbortSignal[] = [];
  const server = client(classifier, (request) => {
    signals.push(request.signal!);
    return new Promise(() => {});
  });
  const expect_ = await jsonl({ text: '1', logits: [1] }, { text: '1', logits: [1] }, 'x');
  await expect(run(server, expect_)).rejects.toThrow('line is not JSON');
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
});

test('progress follows the file, and tells the outcome', async () => {
  const seen: string[] = [];
  const progress = {
    start: (title: string) => ({
      update: (fraction: number | undefined, detail?: string) => void seen.push(`${fraction} ${detail}`),
      done: (detail?: string) => void seen.push(`${title}: ${detail}`),
      fail: () => void seen.push(`${title} failed`),
    }),
  };
  const line = { text: '1 2 3', logits: [1, 2, 3] };
  await run(client(classifier, spelt), await jsonl(line, line), { progress });
  expect(seen).toEqual(['0.5 1 lines', '1 2 lines', 'validate m: 2 lines as expected']);
});

test('long texts and control characters are cut and cleaned in the report', async () => {
  const text = `1 2 3 \u001b[31mred\u202e\n${'😀'.repeat(500)}`;
  const server = client(classifier, () => [fp32('logits', [1, 3], [1, 2, 3])]);
  const report = await run(server, await jsonl({ text, logits: [1, 2, 3] }));
  expect(report.examples[0]!.excerpt).toBe(`1 2 3 [31mred ${'😀'.repeat(31)}…`);
});
