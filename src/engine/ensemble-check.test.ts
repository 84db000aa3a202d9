import { describe, expect, test } from 'vitest';
import { ConchError } from '../base/index.ts';
import { type ModelConfig, parseConfig } from '../config/index.ts';
import { checkEnsemble } from './ensemble-check.ts';

const parse = (text: string): ModelConfig => {
  const { config, diagnostics } = parseConfig(text);
  expect(diagnostics).toEqual([]);
  return config;
};
const io = (side: string, name: string, rest = 'data_type: TYPE_FP32 dims: [ 2 ]') =>
  `${side} { name: "${name}" ${rest} }`;
const map = (side: string, pairs: Record<string, string>) =>
  Object.entries(pairs)
    .map(([key, value]) => `${side} { key: "${key}" value: "${value}" }`)
    .join(' ');
const step = (model: string, inputs: Record<string, string>, outputs: Record<string, string>) =>
  `step { model_name: "${model}" model_version: -1 ${map('input_map', inputs)} ${map('output_map', outputs)} }`;

const models: Record<string, ModelConfig | ConchError> = {
  A: parse(`name: "A" max_batch_size: 4 ${io('input', 'a')} ${io('output', 'b')}`),
  B: parse(`name: "B" max_batch_size: 8 ${io('input', 'c')} ${io('output', 'd')}`),
  ints: parse(
    `name: "ints" max_batch_size: 8 ${io('input', 'c', 'data_type: TYPE_INT64 dims: [ 2 ]')} ${io('output', 'd')}`,
  ),
  long: parse(
    `name: "long" max_batch_size: 8 ${io('input', 'c', 'data_type: TYPE_FP32 dims: [ 3 ]')} ${io('output', 'd')}`,
  ),
  plain: parse(`name: "plain" ${io('input', 'c', 'data_type: TYPE_FP32 dims: [ -1, 2 ]')} ${io('output', 'd')}`),
  gone: new ConchError('MODEL_NOT_FOUND', 'it was never there'),
};
const check = (steps: string, { batch = 4, inputs = io('input', 'x'), outputs = io('output', 'y') } = {}) =>
  checkEnsemble(
    parse(
      `name: "E" platform: "ensemble" max_batch_size: ${batch} ${inputs} ${outputs} ensemble_scheduling { ${steps} }`,
    ),
    (name) => models[name]!,
  );
const chain = step('A', { a: 'x' }, { b: 'm' }) + step('B', { c: 'm' }, { d: 'y' });

test('a chain of models that fit passes, also over models without a batch dimension', () => {
  expect(() => check(chain)).not.toThrow();
  expect(() => check(step('plain', { c: 'x' }, { d: 'y' }))).not.toThrow();
});

describe('refused', () => {
  test.each([
    ['no step', '', {}, 'it has no step'],
    [
      'a step without a model',
      'step { input_map { key: "a" value: "x" } output_map { key: "b" value: "y" } }',
      {},
      'step 0 has no model_name',
    ],
    ['a step without inputs', step('A', {}, { b: 'y' }), {}, 'step 0 has no input_map'],
    ['a step without outputs', step('A', { a: 'x' }, {}), {}, 'step 0 has no output_map'],
    [
      'a tensor written twice',
      step('A', { a: 'x' }, { b: 'y' }) + step('B', { c: 'x' }, { d: 'y' }),
      {},
      "tensor 'y' is written by step 0 and by step 1",
    ],
    [
      'an input that a step writes',
      step('A', { a: 'x' }, { b: 'x' }),
      {},
      "its input 'x' is written by a step as well",
    ],
    ['an unused input', chain, { inputs: io('input', 'x') + io('input', 'z') }, "its input 'z' is used by no step"],
    [
      'an output that nothing writes',
      chain,
      { outputs: io('output', 'y') + io('output', 'z') },
      "its output 'z' is never written",
    ],
    [
      'a circle',
      step('A', { a: 'q' }, { b: 'm' }) + step('B', { c: 'm' }, { d: 'q' }) + step('B', { c: 'x' }, { d: 'y' }),
      {},
      "tensor 'q' is never written; step 'A' waits for 'q'",
    ],
    [
      'an output behind a gap',
      step('A', { a: 'x' }, { b: 'm' }) + step('B', { c: 'n' }, { d: 'y' }),
      {},
      "its output 'y' is never written; step 'B' waits for 'n'",
    ],
    [
      'a tensor that nobody uses',
      chain + step('A', { a: 'x' }, { b: 'z' }),
      {},
      "tensor 'z' is written but never used; leave it out of output_map",
    ],
    [
      'a model that is not ready',
      step('gone', { a: 'x' }, { b: 'y' }),
      {},
      "step 0 needs model 'gone': it was never there",
    ],
    ['a larger batch than a step takes', chain, { batch: 8 }, "its max_batch_size 8 exceeds the 4 of step 0, 'A'"],
    [
      'an input that the model has not',
      step('A', { z: 'x' }, { b: 'y' }),
      {},
      "step 0 maps input 'z' of 'A', which has 'a'",
    ],
    [
      'an output that the model has not',
      step('A', { a: 'x' }, { z: 'y' }),
      {},
      "step 0 maps output 'z' of 'A', which has 'b'",
    ],
    [
      'types that differ between steps',
      step('A', { a: 'x' }, { b: 'm' }) + step('ints', { c: 'm' }, { d: 'y' }),
      {},
      "tensor 'm' is TYPE_FP32 as output 'b' of 'A' but TYPE_INT64 as input 'c' of 'ints'",
    ],
    [
      'shapes that differ between steps',
      step('A', { a: 'x' }, { b: 'm' }) + step('long', { c: 'm' }, { d: 'y' }),
      {},
      "tensor 'm' has shape [-1,2] as output 'b' of 'A' but [-1,3] as input 'c' of 'long'",
    ],
    [
      "a shape that differs from the ensemble's own",
      chain,
      { outputs: io('output', 'y', 'data_type: TYPE_FP32 dims: [ 5 ]') },
      "tensor 'y' has shape [-1,2] as output 'd' of 'B' but [-1,5] as output of 'E'",
    ],
  ])('%s', (_, steps, more, message) => {
    expect(() => check(steps, more)).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD_FAILED', message: `ensemble 'E': ${message}` }),
    );
  });

  test('a required input that is not mapped', () => {
    models.two = parse(`name: "two" max_batch_size: 8 ${io('input', 'a')} ${io('input', 'b')} ${io('output', 'd')}`);
    expect(() => check(step('two', { a: 'x' }, { d: 'y' }))).toThrow(
      "ensemble 'E': step 0 leaves input 'b' of 'two' unmapped",
    );
    models.two = parse(
      `name: "two" max_batch_size: 8 ${io('input', 'a')} ${io('input', 'b', 'optional: true data_type: TYPE_FP32 dims: [ 2 ]')} ${io('output', 'd')}`,
    );
    expect(() => check(step('two', { a: 'x' }, { d: 'y' }))).not.toThrow();
  });
});
