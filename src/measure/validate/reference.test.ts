import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import { validate } from '../index.ts';
import { classifier, client, fp32, regressor, scratch, spelt } from './fake-client.ts';

let files: Awaited<ReturnType<typeof scratch>>;
const jsonl: (typeof files)['jsonl'] = (...lines) => files.jsonl(...lines);
beforeAll(async () => {
  files = await scratch();
});
afterAll(() => files.remove());

const run = (client: InferenceClient, expect: string) => validate({ client, model: 'm', expect });

test.each<[string, string | object | Buffer, string]>([
  ['cut off', '{"text": "a", "logits": [1', 'line is not JSON: Expected'],
  ['not an object', '[1]', 'line: expected an object, got a list of 1'],
  ['null', 'null', 'line: expected an object, got null'],
  ['neither form', {}, "line has neither 'text' nor 'inputs'"],
  ['a number as text', { text: 1, logits: [1] }, 'text: expected a text, got 1'],
  ['no logits', { text: 'a' }, 'logits: expected a list of numbers, got nothing'],
  ['empty logits', { text: 'a', logits: [] }, 'logits: expected a list of numbers, got an empty list'],
  ['null logit', { text: 'a', logits: [1, null] }, 'logits[1]: expected a finite number, got null'],
  ['infinite logit', '{"text": "a", "logits": [1e999]}', 'logits[0]: expected a finite number, got Infinity'],
  ['label', { text: 'a', logits: [1], label: {} }, 'label: expected a name or an index, got an empty object'],
  [
    'unknown label',
    { text: '1 2 3', logits: [1, 2, 3], label: 'bullish' },
    `label: expected one of 'positive', 'negative', 'neutral', got "bullish"`,
  ],
  [
    'label index',
    { text: '1 2 3', logits: [1, 2, 3], label: 3 },
    `label: expected one of 'positive', 'negative', 'neutral', got 3`,
  ],
  ['no outputs', { inputs: { text: 'a' } }, 'outputs: expected an object of tensors by name, got nothing'],
  [
    'empty outputs',
    { inputs: { text: 'a' }, outputs: {} },
    'outputs: expected an object of tensors by name, got an empty object',
  ],
  [
    'input name',
    { inputs: { texts: 'a' }, outputs: { logits: [1] } },
    "inputs: model 'm' has no input 'texts'; it has 'text'",
  ],
  [
    'output name',
    { inputs: { text: 'a' }, outputs: { logit: [1] } },
    "outputs: model 'm' has no output 'logit'; it has 'logits'",
  ],
  ['input type', { inputs: { text: 1 }, outputs: { logits: [1] } }, 'text, element 0: expected a text (BYTES), got 1'],
  [
    'input shape',
    { inputs: { text: ['a', 'b'] }, outputs: { logits: [1] } },
    'text: expected shape [1], or [batch,1], got [2]',
  ],
  ['not UTF-8', Buffer.from('{"text": "\xff", "logits": [1]}', 'latin1'), 'line is not valid UTF-8'],
])('a reference with %s is an error that names file and line', async (_name, line, message) => {
  const expect_ = await jsonl({ text: '1 2 3', logits: [1, 2, 3] }, line);
  const error = await run(client(classifier, spelt), expect_).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ConchError);
  expect(error.code).toBe('FILE_INVALID');
  expect(error.message.slice(0, message.length)).toBe(message);
  expect(error.where).toMatchObject({ file: expect_, line: 2 });
});

test.each<[string, ModelConfig, object | string, string]>([
  [
    'wrong length',
    regressor,
    { inputs: { x: [1, 2, 3] }, outputs: { y: [1] } },
    'x: expected shape [2], or [batch,2], got [3]',
  ],
  [
    'ragged',
    regressor,
    { inputs: { x: [[1, 2], [3]] }, outputs: { y: [1] } },
    'x[1]: expected a list of 2 as before, got a list of 1',
  ],
  [
    'mixed',
    regressor,
    { inputs: { x: [[1, 2], 3] }, outputs: { y: [1] } },
    'x[1]: expected a list of 2 as before, got no list',
  ],
  [
    'null',
    regressor,
    { inputs: { x: [1, null] }, outputs: { y: [1] } },
    'x[1]: expected a number, text or boolean, got null',
  ],
  [
    'text',
    regressor,
    { inputs: { x: [1, '2'] }, outputs: { y: [1] } },
    'x, element 1: expected a finite number (FP32), got "2"',
  ],
  [
    'missing',
    { ...regressor, input: [...regressor.input!, ...classifier.input!] },
    { inputs: { x: [1, 2] }, outputs: { y: [1] } },
    "inputs: 'text' (BYTES [1]) is missing",
  ],
  [
    'a text for numbers',
    regressor,
    { text: 'a', logits: [1] },
    "model 'm' does not turn a text into logits: x FP32 [2] -> y FP32 [1]",
  ],
  [
    'ragged outputs',
    regressor,
    { inputs: { x: [1, 2] }, outputs: { y: [[1], [2, 3]] } },
    'y[1]: expected a list of 1 as before, got a list of 2',
  ],
  [
    'object outputs',
    regressor,
    { inputs: { x: [1, 2] }, outputs: { y: {} } },
    'y: expected a number, text or boolean, got an object',
  ],
  [
    'deep',
    regressor,
    `{"inputs": {"x": ${'['.repeat(50_000)}1${']'.repeat(50_000)}}, "outputs": {"y": [1]}}`,
    'x: lists nested deeper than 32',
  ],
  [
    'integers',
    { ...regressor, input: [{ name: 'x', data_type: 'TYPE_INT8', dims: [2] }] },
    { inputs: { x: [1, 128] }, outputs: { y: [1] } },
    'x, element 1: expected an integer in range (INT8), got 128',
  ],
  [
    'fractions',
    { ...regressor, input: [{ name: 'x', data_type: 'TYPE_INT64', dims: [2] }] },
    { inputs: { x: [1, 0.5] }, outputs: { y: [1] } },
    'x, element 1: expected an integer below 2^53 (INT64), got 0.5',
  ],
  [
    'booleans',
    { ...regressor, input: [{ name: 'x', data_type: 'TYPE_BOOL', dims: [2] }] },
    { inputs: { x: [true, 1] }, outputs: { y: [1] } },
    'x, element 1: expected true or false (BOOL), got 1',
  ],
])('inputs or outputs that are %s are an error that names file and line', async (_name, config, line, message) => {
  const expect_ = await jsonl(line);
  const server = client(config, () => [fp32('y', [1, 1], [1])]);
  const error = await run(server, expect_).catch((thrown) => thrown);
  expect([error.code, error.message]).toEqual(['FILE_INVALID', message]);
  expect(error.where).toMatchObject({ file: expect_, line: 1 });
});

test('a reference that cannot be read, or says nothing', async () => {
  const server = client(classifier, spelt);
  const missing = join(files.folder, 'none.jsonl');
  await expect(run(server, missing)).rejects.toThrow(`cannot read ${missing}: ENOENT`);
  const dir = join(files.folder, 'dir');
  await mkdir(dir);
  await expect(run(server, dir)).rejects.toThrow(`${dir} is not a file`);
  const empty = await jsonl('', '  ');
  await expect(run(server, empty)).rejects.toThrow(`${empty} has no lines to compare`);
  const nan = await jsonl('{"text": "a", "logits": [NaN]}');
  await expect(run(server, nan)).rejects.toMatchObject({
    fix: 'NaN and Infinity are not JSON, and no output can be equal to them',
  });
});
