import { expect, test } from 'vitest';
import type { CompiledTensor } from './compiled.ts';
import { chainEnsemble } from './ensemble.ts';

const text: CompiledTensor = { name: 'text', datatype: 'BYTES', dims: [1] };
const ids: CompiledTensor = { name: 'input_ids', datatype: 'INT64', dims: [-1] };
const types: CompiledTensor = { name: 'token_type_ids', datatype: 'INT64', dims: [-1] };
const logits: CompiledTensor = { name: 'logits', datatype: 'FP32', dims: [3] };

test('steps are joined by tensor name, and an output that nothing reads is left out', () => {
  const config = chainEnsemble({
    name: 'n',
    max_batch_size: 8,
    steps: [
      { model: 'tokenizer', inputs: [text], outputs: [ids, types] },
      { model: 'model', inputs: [ids], outputs: [logits] },
    ],
    labelFiles: { logits: 'labels.txt' },
  });
  expect(config.ensemble_scheduling!.step).toEqual([
    { model_name: 'tokenizer', model_version: -1, input_map: { text: 'text' }, output_map: { input_ids: 'input_ids' } },
    { model_name: 'model', model_version: -1, input_map: { input_ids: 'input_ids' }, output_map: { logits: 'logits' } },
  ]);
  expect(config.input).toEqual([{ name: 'text', data_type: 'TYPE_STRING', dims: [1] }]);
  expect(config.output).toEqual([{ name: 'logits', data_type: 'TYPE_FP32', dims: [3], label_filename: 'labels.txt' }]);
  expect(config.instance_group).toBeUndefined();
});
