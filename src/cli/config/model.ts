import { existsSync, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { ConchError, type Diagnostic } from '../../base/index.ts';
import { type ParsedConfig, parseConfig } from '../../config/index.ts';
import { type ModelEntry, readModel } from '../../repository/index.ts';
import { relativePath } from '../compile.ts';
import { requireRepository } from '../deployment.ts';

export const modelArgument = {
  usage: '<model>',
  summary: 'a model folder, one of its .pbtxt files, or a name in the repository',
} as const;

export const repositoryOption = {
  flags: '--repository <dir>',
  summary: "where the name is looked up (default: the deployment's repository, else models)",
} as const;

/** A model as a command line names it. */
export interface ChosenModel {
  readonly dir: string;
  /** Its configuration, which may not exist. */
  readonly file: string;
}

/** The model that an argument means. Throws MODEL_NOT_FOUND or FILE_NOT_FOUND when there is none. */
export async function chooseModel(named: string, repository: unknown): Promise<ChosenModel> {
  if (named.endsWith('.pbtxt')) {
    if (!existsSync(named)) throw new ConchError('FILE_NOT_FOUND', `no file at ${named}`, { where: { file: named } });
    const dir = dirname(named);
    return { dir: basename(dir) === 'configs' ? dirname(dir) : dir, file: named };
  }
  const isPath = named.includes('/') || named.includes(sep) || /^\.\.?$/.test(named);
  const dir = isPath && repository === undefined ? named : await inRepository(named, repository);
  if (!isFolder(dir))
    throw new ConchError('FILE_NOT_FOUND', `no model folder at ${dir}`, {
      where: { file: dir },
      fix: 'name a folder that holds config.pbtxt or version folders like 1/',
    });
  return { dir, file: join(dir, 'config.pbtxt') };
}

async function inRepository(name: string, repository: unknown): Promise<string> {
  const here = repository === undefined && isFolder(name);
  const root = await requireRepository(repository).catch((error: unknown) => {
    if (here) return undefined;
    throw error;
  });
  if (root === undefined) return name;
  const dir = join(root, name);
  if (!name.includes('..') && isFolder(dir)) return dir;
  if (here) return name;
  const folders = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const names = folders.map((entry) => entry.name).sort();
  const shown = names.slice(0, 10).join(', ') + (names.length > 10 ? ', ...' : '');
  throw new ConchError('MODEL_NOT_FOUND', `no model '${name}' in ${relativePath(root)}; it has ${shown || 'none'}`);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The model's files with their ONNX headers, and the configuration that was named. */
export async function readChosen({ dir, file }: ChosenModel): Promise<ModelEntry> {
  const entry = await readModel(dir, { inspect: true });
  if (basename(file) !== 'config.pbtxt')
    return { ...entry, configFile: file, parsed: parseConfig(await readBytes(file), file) };
  // A file that is there and cannot be read is not the same as none.
  refuseErrors(entry.diagnostics.filter(({ where }) => where.file === join(entry.dir, 'config.pbtxt')));
  return entry;
}

/** The configuration of a model that has one, free of errors. Throws FILE_NOT_FOUND or CONFIG_INVALID. */
export function requireParsed({ parsed }: ModelEntry, { file }: ChosenModel): ParsedConfig {
  if (parsed === undefined)
    throw new ConchError('FILE_NOT_FOUND', `${file} does not exist`, {
      where: { file },
      fix: 'let conch config infer write it, or see with --complete what Triton makes of the model without it',
    });
  refuseErrors(parsed.diagnostics);
  return parsed;
}

/** Throws CONFIG_INVALID with the first of the errors that a configuration has. */
export function refuseErrors(diagnostics: readonly Diagnostic[]): void {
  const [first, ...more] = diagnostics.filter((one) => one.severity === 'error');
  if (first === undefined) return;
  const { path, ...place } = first.where;
  const where = path !== undefined && first.message.includes(path) ? place : first.where;
  const rest = more.length === 0 ? '' : ` (and ${more.length} more; conch check lists them)`;
  throw new ConchError('CONFIG_INVALID', first.message + rest, {
    where,
    ...(first.fix === undefined ? {} : { fix: first.fix.text }),
  });
}

/** The text of a configuration that is to be changed. Throws FILE_NOT_FOUND, or FILE_INVALID when it is not UTF-8. */
export async function readText(file: string): Promise<string> {
  const bytes = await readBytes(file);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ConchError('FILE_INVALID', `${file} is not UTF-8 throughout, so that it cannot be changed without loss`, {
      where: { file },
      fix: 'conch check names the lines',
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ELOOP: 'links in a circle',
};

/** A file's bytes; nothing but a regular file is opened, since a pipe would never answer. */
async function readBytes(file: string): Promise<Buffer> {
  try {
    const status = await stat(file);
    if (status.isFile()) return await readFile(file);
    const what = status.isDirectory() ? 'a folder' : 'not a regular file';
    throw new ConchError('FILE_INVALID', `${file} is ${what}; a text file is expected there`, { where: { file } });
  } catch (error) {
    if (error instanceof ConchError) throw error;
    const { code = '', message } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${reasons[code] ?? message}`;
    throw new ConchError('FILE_NOT_FOUND', `${file} ${what}`, {
      where: { file },
      ...(code === 'ENOENT' && { fix: 'let conch config infer write it' }),
    });
  }
}
