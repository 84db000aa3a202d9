import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConchError } from '../base/index.ts';
import { readLabels } from '../text/index.ts';
import { checkConfig, type ModelConfigJson, readConfig } from './config.ts';
import { openSafetensors, type SafetensorsFile, type SafetensorsTensor } from './safetensors.ts';

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
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Files that make up configuration and weights, relative to `dir`: the inputs to hash. */
  readonly files: readonly string[];
  /** A tensor's bytes in chunks; each chunk is valid until the next is asked for. */
  read(name: string): AsyncIterable<Uint8Array>;
}

export const singleFile = 'model.safetensors';
export const indexFile = 'model.safetensors.index.json';
export const pickledFiles = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5', 'flax_model.msgpack'];

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/**
 * Opens a local checkpoint folder: config.json, and model.safetensors or the shards of model.safetensors.index.json.
 * Throws FILE_NOT_FOUND, CHECKPOINT_INVALID, CHECKPOINT_UNSUPPORTED (other weight formats) or SAFETENSORS_INVALID.
 */
export async function openCheckpoint(dir: string): Promise<Checkpoint> {
  if (!(await stat(dir).catch(() => undefined))?.isDirectory()) {
    throw new ConchError('FILE_NOT_FOUND', `the checkpoint folder ${dir} does not exist`, { where: { file: dir } });
  }
  const config = await readConfig(dir);
  const names = await readdir(dir);
  const shards = await openShards(dir, names);
  const owners = new Map<string, SafetensorsFile>();
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { file } of shards) {
    for (const [name, tensor] of file.tensors) {
      const other = tensors.get(name);
      if (other) throw invalid(file.path, `tensor '${name}' stands in ${other.file} too`, name);
      tensors.set(name, tensor);
      owners.set(name, file);
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
    files: [
      'config.json',
      ...(shards.length > 1 || shards[0]!.name !== singleFile ? [indexFile] : []),
      ...shards.map(({ name }) => name),
    ],
    read(name) {
      const owner = owners.get(name);
      if (owner) return owner.read(name);
      throw invalid(dir, `the checkpoint has no tensor '${name}'`, name);
    },
  };
}

function labelsOf(config: ModelConfigJson): string[] {
  if (!config.id2label && !config.num_labels) return [];
  return readLabels({
    ...(config.id2label && { id2label: config.id2label }),
    ...(config.num_labels && { num_labels: config.num_labels }),
  });
}

async function openShards(dir: string, names: readonly string[]): Promise<{ name: string; file: SafetensorsFile }[]> {
  if (names.includes(singleFile)) return [{ name: singleFile, file: await openSafetensors(join(dir, singleFile)) }];
  if (!names.includes(indexFile)) throw missingWeights(dir, names);
  const index = parseIndex(await readFile(join(dir, indexFile), 'utf8'), join(dir, indexFile));
  const shards = [];
  for (const name of shardNames(index, join(dir, indexFile))) {
    const wanted = Object.keys(index).filter((tensor) => index[tensor] === name);
    if (!names.includes(name)) {
      const list = `${wanted.length} tensors such as '${wanted[0]}'`;
      throw invalid(join(dir, indexFile), `the shard ${name} with ${list} is not in the folder`, name);
    }
    const file = await openSafetensors(join(dir, name));
    const absent = wanted.find((tensor) => !file.tensors.has(tensor));
    if (absent) throw invalid(file.path, `tensor '${absent}' is missing, though ${indexFile} places it here`, absent);
    shards.push({ name, file });
  }
  return shards;
}

/** Tensor to shard, from the text of model.safetensors.index.json. */
export function parseIndex(text: string, file: string): Record<string, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, `the index is not JSON: ${(cause as Error).message}`);
  }
  return checkConfig(indexSchema, json, file).weight_map;
}

/** The shards' names in order; refuses names that would lead out of the folder. */
export function shardNames(index: Readonly<Record<string, string>>, file: string): string[] {
  const names = [...new Set(Object.values(index))].sort();
  const bad = names.find((name) => !/^[\w.-]+\.safetensors$/.test(name) || name.includes('..'));
  if (bad !== undefined) throw invalid(file, `'${bad}' is not the name of a safetensors file in the same folder`, bad);
  if (names.length === 0) throw invalid(file, 'weight_map is empty');
  return names;
}

/** Why a folder or repository with these file names has no weights that can be read. */
export function missingWeights(where: string, names: readonly string[]): ConchError {
  const pickled = pickledFiles.find((name) => names.includes(name));
  if (pickled) {
    return new ConchError(
      'CHECKPOINT_UNSUPPORTED',
      `${where} has its weights in ${pickled}; only safetensors (${singleFile} or ${indexFile}) can be read`,
      {
        where: { file: where, path: pickled },
        fix:
          'convert it: AutoModel....from_pretrained(...).save_pretrained(folder, safe_serialization=True) in Python, ' +
          'or name the revision on the hub that holds the conversion, e.g. refs/pr/1',
      },
    );
  }
  return new ConchError('CHECKPOINT_INVALID', `${where} has neither ${singleFile} nor ${indexFile}`, {
    where: { file: where },
    fix: 'hand over the folder that save_pretrained wrote: config.json, model.safetensors and the tokenizer files',
  });
}

function invalid(file: string, problem: string, path?: string): ConchError {
  return new ConchError('CHECKPOINT_INVALID', `${file}: ${problem}`, {
    where: { file, ...(path !== undefined && { path }) },
  });
}
