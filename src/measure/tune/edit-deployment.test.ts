import { stripTypeScriptTypes } from 'node:module';
import { describe, expect, test } from 'vitest';
import { editDeployment } from './edit-deployment.ts';

const file = `import { defineDeployment } from 'conch-triton';

// models: { nothing: {} }
export default defineDeployment({
  repository: 'models', // where
  models: {
    /* A small one: { } */
    simple_net: {
      weights: 'a/"b}.safetensors',
      layers: [{ name: 'net.0', activation: 'relu' }, { name: \`\${'net'}.2\` }],
      max_batch_size: 64, // as many as we measured
    },
    'fin-bert': { checkpoint: "examples/finbert/checkpoint", model: { dynamic_batching: { max_queue_delay_microseconds: 5 } } },
    empty: {},
  },
});
`;
const changed = (model: string, path: string[], value: unknown, text = file) => {
  const after = editDeployment(text, model, [{ path, value }])!;
  stripTypeScriptTypes(after);
  const before = new Set(text.split('\n'));
  return after.split('\n').filter((line) => !before.has(line));
};

describe('a deployment file', () => {
  test('gets a value replaced, comments beside it left', () => {
    expect(changed('simple_net', ['max_batch_size'], 8)).toEqual([
      '      max_batch_size: 8, // as many as we measured',
    ]);
    expect(changed('fin-bert', ['model', 'dynamic_batching', 'max_queue_delay_microseconds'], 500)[0]).toContain(
      'model: { dynamic_batching: { max_queue_delay_microseconds: 500 } } },',
    );
  });

  test('gets a new setting on a line of its own, or in the line where all stand in one', () => {
    expect(changed('simple_net', ['instance_group'], [{ count: 2, kind: 'KIND_AUTO' }])).toEqual([
      "      instance_group: [{ count: 2, kind: 'KIND_AUTO' }],",
    ]);
    expect(changed('fin-bert', ['model', 'parameters', 'conch.max_batch_tokens'], { string_value: '512' })).toEqual([
      "    'fin-bert': { checkpoint: \"examples/finbert/checkpoint\", model: { dynamic_batching: { max_queue_delay_microseconds: 5 }, parameters: { 'conch.max_batch_tokens': { string_value: '512' } } } },",
    ]);
    expect(changed('empty', ['max_batch_size'], 4)).toEqual(['    empty: { max_batch_size: 4 },']);
  });

  test('loses a setting with its line', () => {
    const after = editDeployment(file, 'simple_net', [{ path: ['layers'], value: undefined }])!;
    expect(after.split('\n')).toHaveLength(file.split('\n').length - 1);
    expect(after).not.toContain('layers');
    expect(editDeployment(file, 'simple_net', [{ path: ['dynamic_batching', 'x'], value: undefined }])).toBe(file);
  });

  test('several changes one after the other', () => {
    const after = editDeployment(file, 'simple_net', [
      { path: ['parameters', 'intra_op_thread_count'], value: { string_value: '1' } },
      { path: ['parameters', 'b'], value: { string_value: "it's" } },
      { path: ['max_batch_size'], value: 16 },
    ])!;
    stripTypeScriptTypes(after);
    expect(after).toContain(
      "parameters: { intra_op_thread_count: { string_value: '1' }, b: { string_value: 'it\\'s' } },",
    );
  });

  test.each([
    ['no model of that name', file, 'other'],
    ['a model that is no literal', 'export default defineDeployment({ models: { m: made() } });', 'm'],
    ['models from elsewhere', 'export default defineDeployment({ models });', 'm'],
    ['brackets that do not match', 'export default defineDeployment({ models: { m: { a: [1 } } });', 'm'],
    ['nothing exported', 'const x = 1;', 'm'],
  ])('%s: it is left to its author', (_, text, model) => {
    expect(editDeployment(text, model, [{ path: ['max_batch_size'], value: 4 }])).toBeUndefined();
  });

  test('an exported object, with types and a spread about it', () => {
    const text =
      "const base = {};\nexport default {\n  models: {\n    ...base,\n    m: {\n      onnx: 'x.onnx',\n      ...base\n    } as object,\n  },\n};\n";
    expect(changed('m', ['max_batch_size'], 4, text)).toEqual(
      ["      onnx: 'x.onnx',\n", '      max_batch_size: 4,']
        .map((line) => line.trimEnd())
        .filter((line) => !text.includes(line)),
    );
  });
});
