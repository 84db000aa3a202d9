import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { ConchError } from '../base/index.ts';
import { type Checkpoint, checkConfig, openShards } from '../checkpoint/index.ts';
import {
  type Activation,
  type PoolingMode,
  poolingModes,
  type SentenceModule,
  type SentenceModules,
} from './architectures/index.ts';

const list = z.array(
  z.looseObject({
    path: z.string().regex(/^(?!.*\.\.)[\w.-]*$/, 'expected the name of a folder beside it'),
    type: z.string(),
  }),
);
const transformer = z.looseObject({
  max_seq_length: z.number().int().positive().nullish(),
  do_lower_case: z.boolean().nullish(),
});
const pooling = z.looseObject({
  word_embedding_dimension: z.number().int().positive().nullish(),
  embedding_dimension: z.number().int().positive().nullish(),
  pooling_mode: z.union([z.string(), z.array(z.string())]).nullish(),
  include_prompt: z.boolean().nullish(),
});
const dense = z.looseObject({
  in_features: z.number().int().positive(),
  out_features: z.number().int().positive(),
  bias: z.boolean().default(true),
  activation_function: z.string().default('torch.nn.modules.activation.Tanh'),
  use_residual: z.boolean().nullish(),
  module_input_name: z.string().nullish(),
  module_output_name: z.string().nullish(),
});
const norm = z.looseObject({ dimension: z.number().int().positive() });

/** sentence-transformers' switches for a mode each, in the order in which it puts their vectors one after the other. */
const switches: Readonly<Record<string, PoolingMode>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_mean_sqrt_len_tokens: 'mean_sqrt_len_tokens',
  pooling_mode_weightedmean_tokens: 'weightedmean',
  pooling_mode_lasttoken: 'lasttoken',
};

/** torch.nn's modules by their last name, as conch's activations. */
const activations: Readonly<Record<string, Activation>> = {
  Identity: 'identity',
  Tanh: 'tanh',
  ReLU: 'relu',
  GELU: 'gelu',
  SiLU: 'silu',
  Sigmoid: 'sigmoid',
};

/**
 * What modules.json of a sentence-transformers folder puts behind the encoder; undefined where the folder has none, or
 * none that pools (a cross-encoder's). Throws CHECKPOINT_UNSUPPORTED naming a module or setting that would change the
 * numbers and cannot be compiled, CHECKPOINT_INVALID for files that are missing or wrong.
 */
export async function readSentenceModules(checkpoint: Checkpoint): Promise<SentenceModules | undefined> {
  const dir = await rootOf(checkpoint.dir);
  if (dir === undefined) return undefined;
  const files: string[] = [];
  const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T> => {
    files.push(join(relative(checkpoint.dir, dir), name));
    return checkConfig(schema, await readJson(join(dir, name)), join(dir, name));
  };
  const listed = await read('modules.json', list);
  const modules = listed.map(({ type, path }) => ({ name: type.split('.').at(-1)!, type, path }));
  if (!modules.some(({ name }) => name === 'Pooling')) return undefined;
  const [first, second, ...rest] = modules;
  const file = join(dir, 'modules.json');
  if (first?.name !== 'Transformer')
    throw unsupported(file, '0', `the first module is ${first?.type}, not a Transformer`);
  if (second?.name !== 'Pooling') throw unsupported(file, '1', `${second?.type} stands between encoder and pooling`);

  const foreign = modules.find(({ type }) => !type.startsWith('sentence_transformers.'));
  if (foreign) throw unsupported(file, foreign.type, `module ${foreign.type} is not one of sentence-transformers' own`);

  const settingsFile = join(first.path, 'sentence_bert_config.json');
  const settings = existsSync(join(dir, settingsFile)) ? await read(settingsFile, transformer) : {};
  if (settings.do_lower_case) {
    const why = 'do_lower_case true: the text would be lowered before the tokenizer, which its tokenizer.json must do';
    throw unsupported(join(dir, settingsFile), 'do_lower_case', why);
  }
  if (existsSync(join(dir, 'config_sentence_transformers.json'))) {
    const name = 'config_sentence_transformers.json';
    const { default_prompt_name: prompt } = await read(
      name,
      z.looseObject({ default_prompt_name: z.string().nullish() }),
    );
    if (prompt) {
      const why = `default_prompt_name '${prompt}': a prompt before every text cannot be compiled`;
      throw unsupported(join(dir, name), 'default_prompt_name', why);
    }
  }
  const poolingFile = join(second.path, 'config.json');
  const modes = modesOf(await read(poolingFile, pooling), join(dir, poolingFile));
  const after: SentenceModule[] = [];
  for (const module of rest) {
    if (module.name === 'Dropout') continue;
    const made = await readModule(module, {
      dir,
      read,
      add: (name) => files.push(join(relative(checkpoint.dir, dir), name)),
    });
    after.push(made);
  }
  return { pooling: modes, modules: after, maxLength: settings.max_seq_length ?? undefined, files };
}

/** The folder of an encoder: `dir`, or in the layout of 2019 to 2021 the folder that its modules.json names. */
export async function encoderFolder(dir: string): Promise<string> {
  const file = join(dir, 'modules.json');
  if (existsSync(join(dir, 'config.json')) || !existsSync(file)) return dir;
  return join(dir, checkConfig(list, await readJson(file), file)[0]?.path ?? '');
}

/** Where the modules.json of an encoder's folder stands: there, or beside the folder. */
async function rootOf(dir: string): Promise<string | undefined> {
  if (existsSync(join(dir, 'modules.json'))) return dir;
  const above = dirname(dir);
  return existsSync(join(above, 'modules.json')) && (await encoderFolder(above)) === dir ? above : undefined;
}

interface Reading {
  readonly dir: string;
  readonly read: <T>(name: string, schema: z.ZodType<T>) => Promise<T>;
  readonly add: (file: string) => void;
}

async function readModule(
  { name, type, path }: { name: string; type: string; path: string },
  { dir, read, add }: Reading,
): Promise<SentenceModule> {
  const config = join(path, 'config.json');
  const refuse = (field: string, why: string) => unsupported(join(dir, config), field, why);
  const weights = async () => {
    const where = join(dir, path);
    const opened = await openShards(where, await readdir(where));
    for (const file of opened.files) add(join(path, file));
    return { source: opened.weights[0]!, where };
  };
  switch (name) {
    case 'Normalize':
      return { kind: 'unit-length' };
    case 'LayerNorm': {
      const { dimension } = await read(config, norm);
      return { kind: 'norm', size: dimension, ...(await weights()) };
    }
    case 'Dense': {
      const settings = await read(config, dense);
      const { in_features: inputs, out_features: outputs, bias, activation_function: wanted } = settings;
      if (settings.use_residual) throw refuse('use_residual', 'use_residual true: a residual cannot be compiled');
      for (const field of ['module_input_name', 'module_output_name'] as const) {
        const value = settings[field] ?? 'sentence_embedding';
        if (value !== 'sentence_embedding') throw refuse(field, `${field} '${value}': only sentence_embedding can be`);
      }
      const activation = wanted.startsWith('torch.nn.') ? activations[wanted.split('.').at(-1)!] : undefined;
      if (!activation) {
        const known = `known are torch.nn's ${Object.keys(activations).join(', ')}`;
        throw refuse('activation_function', `activation_function '${wanted}' cannot be compiled; ${known}`);
      }
      return { kind: 'dense', inputs, outputs, bias, activation, ...(await weights()) };
    }
    default:
      throw unsupported(
        join(dir, 'modules.json'),
        type,
        `module ${type} cannot be compiled; after the pooling conch has Dense, LayerNorm, Normalize and Dropout`,
      );
  }
}

function modesOf(config: z.infer<typeof pooling>, file: string): PoolingMode[] {
  const { pooling_mode: named } = config;
  const given =
    named == null
      ? Object.keys(switches).flatMap((key) => (config[key] === true ? [switches[key]!] : []))
      : [named].flat();
  for (const mode of given) {
    if (!(poolingModes as readonly string[]).includes(mode)) {
      throw unsupported(
        file,
        'pooling_mode',
        `pooling_mode '${mode}' cannot be compiled; known are ${poolingModes.join(', ')}`,
      );
    }
  }
  const strange = Object.keys(config).find((key) => key.startsWith('pooling_mode_') && config[key] && !switches[key]);
  if (strange)
    throw unsupported(file, strange, `${strange} cannot be compiled; known are ${Object.keys(switches).join(', ')}`);
  return given.length > 0 ? (given as PoolingMode[]) : ['mean'];
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ConchError('CHECKPOINT_INVALID', `${file}: ${(cause as Error).message}`, { where: { file }, cause });
  }
}

function unsupported(file: string, path: string, why: string): ConchError {
  return new ConchError('CHECKPOINT_UNSUPPORTED', `${file}: ${why}`, { where: { file, path } });
}
