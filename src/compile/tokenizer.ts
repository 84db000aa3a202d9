import { existsSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import { tokenizerFiles } from '../text/index.ts';
import type { CompiledTensor } from './compiled.ts';
import { configTensors } from './settings.ts';

/** What a tokenizer takes: a text, and perhaps another one that it is compared with. */
export const text: CompiledTensor = { name: 'text', datatype: 'BYTES', dims: [1] };
export const textPair: CompiledTensor = { name: 'text_pair', datatype: 'BYTES', dims: [1], optional: true };

/** The tensors that a tokenizer can give. */
const outputs = ['input_ids', 'attention_mask', 'token_type_ids'];

export interface WrittenTokenizer {
  /** All of the configuration but `name` and `max_batch_size`. */
  readonly config: ModelConfig;
  /** Names in the version folder. */
  readonly files: readonly string[];
  /** Most ids of one text, special tokens included. */
  readonly maxLength: number;
  /** The checkpoint's files that it was made from, absolute. */
  readonly sources: readonly string[];
}

/**
 * Writes a checkpoint's tokenizer as a model: tokenizer.json, tokenizer_config.json, and model.py, with which Triton's
 * Python backend runs it. The embedded server runs it natively, told so by the parameter `conch.backend`; both read
 * `max_length`. Input `text` TYPE_STRING [1], and for a model that compares texts `text_pair`, which a request may leave
 * out; outputs are the tensors `inputNames` that the model behind it takes,
 * TYPE_INT64 [-1], padded to the longest text of a request. TOKENIZER_INVALID for an unusable tokenizer, or a model
 * that wants other tensors.
 */
export async function writeTokenizer(options: {
  checkpointDir: string;
  outDir: string;
  maxPositions: number;
  inputNames: readonly string[];
  /** `text`, and `text_pair` where the model compares texts; `text` unless given. */
  inputs?: readonly CompiledTensor[];
}): Promise<WrittenTokenizer> {
  const { checkpointDir, outDir, maxPositions, inputNames, inputs = [text] } = options;
  const strange = inputNames.find((name) => !outputs.includes(name));
  if (strange !== undefined || !inputNames.includes('input_ids')) {
    throw new ConchError(
      'TOKENIZER_INVALID',
      `the model takes ${inputNames.join(', ') || 'nothing'}; a tokenizer gives ${outputs.join(', ')}, of which input_ids is needed`,
      { where: { path: strange ?? 'input_ids' } },
    );
  }
  const { tokenizerJson, tokenizerConfig, maxLength, sources } = await tokenizerFiles(checkpointDir, { maxPositions });
  const original = sources.find((file) => basename(file) === 'tokenizer.json');
  const target = join(outDir, 'tokenizer.json');
  if (original === undefined) await writeFile(target, JSON.stringify(tokenizerJson));
  else await copyFile(original, target);
  await writeFile(join(outDir, 'tokenizer_config.json'), `${JSON.stringify(tokenizerConfig, null, 2)}\n`);
  await copyFile(tokenizerScript(), join(outDir, 'model.py'));
  return {
    config: {
      backend: 'python',
      default_model_filename: 'model.py',
      version_policy: { latest: { num_versions: 1 } },
      input: configTensors(inputs),
      output: inputNames.map((name) => ({ name, data_type: 'TYPE_INT64', dims: [-1] })),
      instance_group: [{ count: 1, kind: 'KIND_CPU' }],
      // One call into Python for all texts that wait; each request is still padded by itself.
      dynamic_batching: {},
      parameters: {
        'conch.backend': { string_value: 'tokenizer' },
        max_length: { string_value: `${maxLength}` },
      },
    },
    files: ['model.py', 'tokenizer.json', 'tokenizer_config.json'],
    maxLength,
    sources,
  };
}

/** Where model.py lies: in the package's `python/tokenizer`, above this module in the sources as in the built package. */
export function tokenizerScript(): string {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, 'python', 'tokenizer', 'model.py');
    if (existsSync(path)) return path;
    if (dirname(dir) === dir) {
      throw new ConchError('INTERNAL', `python/tokenizer/model.py is not in the package of ${import.meta.dirname}`);
    }
  }
}
