import { existsSync } from 'node:fs';
import { readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ConchError, hashBytes, makeFolders } from '../base/index.ts';

/** A generated file: its path below the folder written to, with `/` between folders. */
export interface GeneratedFile {
  readonly path: string;
  readonly text: string;
  /** Written only where it is missing, and the user's from then on, e.g. a file of secrets. */
  readonly once?: boolean;
  /** Permissions, e.g. `0o600`; the process's own unless given. */
  readonly mode?: number;
}

export interface WriteOptions {
  readonly dir: string;
  /** Which generator this is, e.g. `compose`: a folder belongs to one. */
  readonly kind: string;
  /** Only say what would be done. */
  readonly dryRun?: boolean;
  /** Overwrite what was edited, or stood there before. */
  readonly force?: boolean;
}

export interface WrittenFile {
  readonly path: string;
  readonly status: 'new' | 'changed' | 'unchanged' | 'removed' | 'kept';
}

/** In the folder written to: hashes of what was written, by path, from which edits by hand are told. */
const recordName = '.conch-deploy.json';
const schema = z.object({ kind: z.string(), files: z.record(z.string(), z.string()) });

/**
 * Writes `files` below `dir`, and removes those that an earlier run wrote and that are no longer made. A file that was
 * edited since, or that conch did not write, is not touched: then nothing at all is written and FILE_NOT_WRITTEN names
 * each, unless `force`.
 */
export async function writeFiles(files: readonly GeneratedFile[], options: WriteOptions): Promise<WrittenFile[]> {
  const { dir, dryRun = false, force = false, kind } = options;
  const before = await readRecord(dir, kind);
  const planned = await Promise.all(files.map((file) => plan(file, dir, before)));
  const gone = Object.keys(before).filter((path) => !files.some((file) => file.path === path));
  const leftovers = await Promise.all(gone.map((path) => plan({ path, text: '' }, dir, before)));
  const edited = [...planned, ...leftovers].filter((one) => one.edited).map(({ file }) => file.path);
  if (edited.length > 0 && !force) {
    throw new ConchError('FILE_NOT_WRITTEN', `edited by hand or written by something else: ${edited.join(', ')}`, {
      where: { file: dir },
      fix: 'move the changes into the deployment file, write to another folder with --out, or overwrite with --force',
    });
  }
  const written: WrittenFile[] = planned.map(({ file, status }) => ({ path: file.path, status }));
  for (const { file, found } of leftovers) if (found) written.push({ path: file.path, status: 'removed' });
  if (dryRun) return written;
  for (const { file, status } of planned) if (status === 'new' || status === 'changed') await put(dir, file);
  for (const { file } of leftovers) await remove(dir, file.path);
  const hashes = planned.filter(({ file }) => file.once !== true).map(({ file }) => [file.path, hashBytes(file.text)]);
  const record = { kind, files: Object.fromEntries(hashes.sort(([a], [b]) => (a! < b! ? -1 : 1))) };
  await put(dir, { path: recordName, text: `${JSON.stringify(record, null, 2)}\n` });
  return written;
}

interface PlannedFile {
  readonly file: GeneratedFile;
  readonly status: WrittenFile['status'];
  readonly found: boolean;
  readonly edited: boolean;
}

async function plan(file: GeneratedFile, dir: string, before: Record<string, string>): Promise<PlannedFile> {
  const path = join(dir, file.path);
  const found = existsSync(path);
  if (!found) return { file, status: 'new', found, edited: false };
  if (file.once) return { file, status: 'kept', found, edited: false };
  const text = await readFile(path, 'utf8');
  if (text === file.text) return { file, status: 'unchanged', found, edited: false };
  return { file, status: 'changed', found, edited: before[file.path] !== hashBytes(text) };
}

async function readRecord(dir: string, kind: string): Promise<Record<string, string>> {
  const path = join(dir, recordName);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  let record: z.infer<typeof schema>;
  try {
    record = schema.parse(JSON.parse(text));
  } catch (error) {
    throw new ConchError('FILE_INVALID', `${path} is not what conch wrote`, {
      where: { file: path },
      fix: 'restore it, or remove it and write with --force',
      cause: error,
    });
  }
  const isBelow = (one: string) => !one.startsWith('/') && !one.split(/[/\\]/).includes('..');
  if (record.kind !== kind) {
    throw new ConchError('USAGE', `${dir} holds files for ${record.kind}`, { fix: 'name another folder with --out' });
  }
  return Object.fromEntries(Object.entries(record.files).filter(([one]) => isBelow(one)));
}

async function put(dir: string, { path, text, mode }: GeneratedFile): Promise<void> {
  const to = join(dir, path);
  const temporary = `${to}.conch-tmp`;
  try {
    await makeFolders(dirname(to));
    await writeFile(temporary, text, { ...(mode !== undefined && { mode }) });
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw new ConchError('FILE_NOT_WRITTEN', `${to} could not be written: ${(error as Error).message}`, {
      where: { file: to },
      cause: error,
    });
  }
}

/** With the folders that it leaves empty. */
async function remove(dir: string, path: string): Promise<void> {
  await rm(join(dir, path), { force: true });
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    const removed = await rmdir(join(dir, folder)).then(
      () => true,
      () => false,
    );
    if (!removed) return;
  }
}
