import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError } from '../base/index.ts';
import { readLabels } from '../text/index.ts';
import { type ModelConfigJson, readConfig } from './config.ts';
import { openShards } from './shards.ts';
import type { StoredTensor, WeightsFile } from './weights-file.ts';

/** A Hugging Face folder, opened: configuration and the headers of its weights. Data is read on demand. */
export interface Checkpoint {
  readonly dir: string;
  /** The class that the weights belong to, config.json's `architectures[0]`; empty where config.json has none. */
  readonly architecture: string;
  /** config.json's `model_type`, e.g. `bert`; empty where it has none. */
  readonly modelType: string;
  /** Path of config.json, for messages. */
  readonly configFile: string;
  /** config.json as read. */
  readonly config: ModelConfigJson;
  /** Labels in the order of the logits; empty where the model has none. */
  readonly labels: readonly string[];
  /** By name; those of 2018 to 2020 by today's (`LayerNorm.weight` for `LayerNorm.gamma`). */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Files that make up configuration and weights, relative to `dir`: the inputs to hash. */
  readonly files: readonly string[];
  /** A tensor's bytes in chunks; each chunk is valid until the next is asked for. */
  read(name: string): AsyncIterable<Uint8Array>;
}

/**
 * Opens a local checkpoint folder: config.json, and the weights in safetensors or else pytorch_model.bin, in one file or
 * in shards with an index. Throws FILE_NOT_FOUND, CHECKPOINT_INVALID, CHECKPOINT_UNSUPPORTED (other weight formats, or
 * a pickle that holds more than tensors) or SAFETENSORS_INVALID.
 */
export async function openCheckpoint(dir: string): Promise<Checkpoint> {
  if (!(await stat(dir).catch(() => undefined))?.isDirectory()) {
    throw new ConchError('FILE_NOT_FOUND', `the checkpoint folder ${dir} does not exist`, { where: { file: dir } });
  }
  const config = await readConfig(dir);
  const names = await readdir(dir);
  const { files, weights } = await openShards(dir, names);
  const owners = new Map<string, { readonly file: WeightsFile; readonly stored: string }>();
  const tensors = new Map<string, StoredTensor>();
  for (const file of weights) {
    for (const [stored, tensor] of file.tensors) {
      const name = currentName(stored);
      const other = tensors.get(name);
      if (other) throw invalid(file.path, `tensor '${stored}' stands in ${other.file} too`, name);
      tensors.set(name, name === stored ? tensor : { ...tensor, name });
      owners.set(name, { file, stored });
    }
  }
  return {
    dir,
    architecture: config.architectures?.[0] ?? '',
    modelType: config.model_type ?? '',
    configFile: join(dir, 'config.json'),
    config,
    labels: labelsOf(config),
    tensors,
    files: ['config.json', ...files],
    read(name) {
      const owner = owners.get(name);
      if (owner) return owner.file.read(owner.stored);
      throw invalid(dir, `the checkpoint has no tensor '${name}'`, name);
    },
  };
}

/** Checkpoints that were converted from TensorFlow in 2018 to 2020 name a normalisation's parameters as it did. */
function currentName(name: string): string {
  return name.replace(/(?<=LayerNorm\.)gamma$/, 'weight').replace(/(?<=LayerNorm\.)beta$/, 'bias');
}

function labelsOf(config: ModelConfigJson): string[] {
  if (!config.id2label && !config.num_labels) return [];
  return readLabels({
    ...(config.id2label && { id2label: config.id2label }),
    ...(config.num_labels && { num_labels: config.num_labels }),
  });
}

function invalid(file: string, problem: string, path?: string): ConchError {
  return new ConchError('CHECKPOINT_INVALID', `${file}: ${problem}`, {
    where: { file, ...(path !== undefined && { path }) },
  });
}
