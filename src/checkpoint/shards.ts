import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConchError } from '../base/index.ts';
import { checkConfig } from './config.ts';
import { openPytorchWeights } from './pytorch/open.ts';
import { openSafetensors } from './safetensors.ts';
import type { WeightsFile } from './weights-file.ts';

/** A format of weights by the names that save_pretrained gives its files. */
export interface WeightsFormat {
  readonly single: string;
  /** Lists the shards where there are several files. */
  readonly index: string;
  /** How a shard's name ends. */
  readonly suffix: string;
  readonly open: (path: string) => Promise<WeightsFile>;
}

/** The first of these that a folder has is read: one file before shards, as transformers does. */
const formats: readonly WeightsFormat[] = [
  {
    single: 'model.safetensors',
    index: 'model.safetensors.index.json',
    suffix: '.safetensors',
    open: openSafetensors,
  },
  {
    single: 'pytorch_model.bin',
    index: 'pytorch_model.bin.index.json',
    suffix: '.bin',
    open: openPytorchWeights,
  },
];

const unread = ['tf_model.h5', 'flax_model.msgpack', 'model.ckpt.index', 'rust_model.ot'];

const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/** The format of the weights among the files `names`, and whether they are one file. Throws when there are none. */
export function weightsAmong(names: readonly string[], where: string): { format: WeightsFormat; isSingle: boolean } {
  const format = formats.find(({ single, index }) => names.includes(single) || names.includes(index));
  if (format) return { format, isSingle: names.includes(format.single) };
  const other = unread.find((name) => names.includes(name));
  if (other) {
    throw new ConchError(
      'CHECKPOINT_UNSUPPORTED',
      `${where} has its weights in ${other}; safetensors and pytorch_model.bin can be read`,
      {
        where: { file: where, path: other },
        fix:
          'convert it: AutoModel....from_pretrained(...).save_pretrained(folder, safe_serialization=True) in Python, ' +
          'or name the revision on the hub that holds the conversion, e.g. refs/pr/1',
      },
    );
  }
  const wanted = formats.map(({ single }) => single).join(' nor ');
  throw new ConchError('CHECKPOINT_INVALID', `${where} has neither ${wanted}, nor an index of shards`, {
    where: { file: where },
    fix: 'hand over the folder that save_pretrained wrote: config.json, model.safetensors and the tokenizer files',
  });
}

/** Opens the weights in `dir`, whose files are `names`; `files` are the ones read, index included, relative to it. */
export async function openShards(
  dir: string,
  names: readonly string[],
): Promise<{ files: readonly string[]; weights: readonly WeightsFile[] }> {
  const { format, isSingle } = weightsAmong(names, dir);
  if (isSingle) return { files: [format.single], weights: [await format.open(join(dir, format.single))] };
  const indexPath = join(dir, format.index);
  const index = parseIndex(await readFile(indexPath, 'utf8'), indexPath);
  const shards = shardNames(index, indexPath, format);
  const weights = [];
  for (const name of shards) {
    const wanted = Object.keys(index).filter((tensor) => index[tensor] === name);
    if (!names.includes(name)) {
      const list = `${wanted.length} tensors such as '${wanted[0]}'`;
      throw invalid(indexPath, `the shard ${name} with ${list} is not in the folder`, name);
    }
    const file = await format.open(join(dir, name));
    const absent = wanted.find((tensor) => !file.tensors.has(tensor));
    if (absent)
      throw invalid(file.path, `tensor '${absent}' is missing, though ${format.index} places it here`, absent);
    weights.push(file);
  }
  return { files: [format.index, ...shards], weights };
}

/** Tensor to shard, from the text of an index. */
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
export function shardNames(
  index: Readonly<Record<string, string>>,
  file: string,
  { suffix }: Pick<WeightsFormat, 'suffix'>,
): string[] {
  const names = [...new Set(Object.values(index))].sort();
  const bad = names.find((name) => !/^[\w.-]+$/.test(name) || !name.endsWith(suffix) || name.includes('..'));
  if (bad !== undefined) throw invalid(file, `'${bad}' is not the name of a ${suffix} file in the same folder`, bad);
  if (names.length === 0) throw invalid(file, 'weight_map is empty');
  return names;
}

function invalid(file: string, problem: string, path?: string): ConchError {
  return new ConchError('CHECKPOINT_INVALID', `${file}: ${problem}`, {
    where: { file, ...(path !== undefined && { path }) },
  });
}
