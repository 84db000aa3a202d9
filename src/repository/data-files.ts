import { readFile, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { ModelConfig } from '../config/index.ts';
import type { DataFile, ModelEntry } from './entry.ts';
import { type Bounds, isWithin } from './folder.ts';

/** More than any model.py or warm-up text has; a larger file is not looked into. */
const largest = 4 * 1024 * 1024;

/**
 * The files that a model's configuration names and that lie outside its listed ones, by path below the model's folder:
 * warm-up data, initial states, a packed Python environment, and the code of Python models. Names that leave the
 * folder are not looked up.
 */
export async function readDataFiles(model: ModelEntry, bounds: Bounds): Promise<Record<string, DataFile>> {
  const found: Record<string, DataFile> = Object.create(null);
  const { config = {} } = model.parsed ?? {};
  for (const [path, isRead] of new Map([...namedFiles(config), ...codeFiles(model, config)])) {
    const file = await lookUp(join(model.dir, path), isRead, bounds);
    if (file !== undefined && isWithin(join(model.dir, path), model.dir)) found[path] = file;
  }
  return found;
}

/** Where a name that a configuration gives lies below the model's folder, with `/` between folders. */
export function dataPath(...parts: string[]): string {
  return relative('/', join('/', ...parts))
    .split(sep)
    .join('/');
}

/** Paths with whether their content matters, beside their size. */
function namedFiles(config: ModelConfig): [string, boolean][] {
  const files: [string, boolean][] = [];
  for (const { inputs } of config.model_warmup ?? []) {
    for (const { input_data_file: name, data_type: type } of Object.values(inputs ?? {})) {
      if (name) files.push([dataPath('warmup', name), type === 'TYPE_STRING' || type === 13]);
    }
  }
  for (const { initial_state } of config.sequence_batching?.state ?? []) {
    for (const { data_file: name } of initial_state ?? []) {
      if (name) files.push([dataPath('initial_state', name), false]);
    }
  }
  const environment = config.parameters?.EXECUTION_ENV_PATH?.string_value;
  const inside = /^\$\$TRITON_MODEL_DIRECTORY\/(.+)$/s.exec(environment ?? '')?.[1];
  if (inside !== undefined) files.push([dataPath(inside), false]);
  return files;
}

/** The code of what may be a Python model: whether it completes its configuration shows in the text. */
function codeFiles({ versions }: ModelEntry, config: ModelConfig): [string, boolean][] {
  if (config.backend && config.backend !== 'python') return [];
  const name = config.default_model_filename || 'model.py';
  return versions
    .filter(({ files }) => files.some(({ path }) => path === name))
    .map(({ folder }) => [dataPath(folder, name), true]);
}

async function lookUp(path: string, isRead: boolean, bounds: Bounds): Promise<DataFile | undefined> {
  try {
    // What is behind a link out of the repository is there for Triton, and stays unknown here.
    if (!isWithin(await realpath(path), bounds.root)) return {};
    const status = await stat(path);
    if (!status.isFile()) return undefined;
    if (!isRead || status.size > largest) return { size: status.size };
    return { size: status.size, content: await readFile(path) };
  } catch {
    return undefined; // Rules say that it is missing, where the configuration names it.
  }
}
