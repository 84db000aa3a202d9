import { createHash, randomBytes } from 'node:crypto';
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { downloadFile, HubApiError, type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub';
import { ConchError, type ProgressTask } from '../base/index.ts';
import { parseIndex, shardNames, weightsAmong } from './shards.ts';

/** Files beside the weights that compiling and tokenizing read. Anything else in a repository stays on the hub. */
const wantedFiles = new Set([
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'sentencepiece.bpe.model',
  'spiece.model',
  'spm.model',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
]);
/** What sentence-transformers keeps of the modules behind the encoder. */
const moduleFile = /^\d+_[A-Za-z]+\/(config\.json|model\.safetensors|pytorch_model\.bin)$/;

export interface HubOptions {
  /** Address of the hub, e.g. `https://huggingface.co`. */
  readonly endpoint: string;
  readonly cacheDir: string;
  readonly token?: string | undefined;
  /** Milliseconds that the hub may take to answer, and that a download may stand still. */
  readonly timeoutMs: number;
}

/**
 * Brings the files of `id` at `revision` into the cache, in the layout of Hugging Face's own tools
 * (`models--org--name/{refs,blobs,snapshots}`), so that either finds what the other has fetched. Sizes, and the SHA-256
 * of large files, are checked on the way. Returns the snapshot's folder and commit.
 */
export async function download(
  id: string,
  revision: string,
  options: HubOptions,
  task: ProgressTask,
): Promise<{ dir: string; commit: string }> {
  const storage = storageOf(id, options.cacheDir);
  const params = {
    hubUrl: options.endpoint,
    fetch: fetchWithin(options.timeoutMs),
    ...(options.token && { accessToken: options.token }),
  };
  const { sha: commit } = await modelInfo({ ...params, name: id, revision, additionalFields: ['sha'] });
  if (!/^[0-9a-f]{40}$/.test(commit)) throw new TypeError(`the hub named '${commit}' as commit`);
  const listing = new Map<string, ListFileEntry>();
  for await (const entry of listFiles({ ...params, repo: id, revision: commit, recursive: true })) {
    if (entry.type === 'file') listing.set(entry.path, entry);
  }
  const dir = join(storage, 'snapshots', commit);
  const fetchAll = async (names: readonly string[]) => {
    const entries = names.map((name) => listing.get(name)!);
    const total = entries.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    const report = (bytes: number) => {
      done += bytes;
      task.update(total ? done / total : undefined, `${megabytes(done)} of ${megabytes(total)} MB`);
    };
    for (const entry of entries) await fetchOne(entry, dir, report);
  };
  const fetchOne = async (entry: ListFileEntry, folder: string, report: (bytes: number) => void) => {
    const blob = join(storage, 'blobs', etagOf(entry));
    const pointer = join(folder, entry.path);
    if (await exists(pointer)) return report(entry.size);
    if (await exists(blob)) report(entry.size);
    else {
      const content = await downloadFile({ ...params, repo: id, path: entry.path, revision: commit });
      if (!content) throw new TypeError(`the hub lists ${entry.path} but does not send it`);
      await store(content.stream(), entry, blob, options.timeoutMs, report);
    }
    await place(blob, pointer);
  };

  const names = [...listing.keys()];
  const small = names.filter((name) => wantedFiles.has(name) || moduleFile.test(name));
  if (!listing.has('config.json')) throw missing(id, revision, 'config.json');
  const { format, isSingle } = weightsAmong(names, `${id} (revision ${revision})`);
  if (isSingle) await fetchAll([...small, format.single]);
  else {
    await fetchAll([...small, format.index]);
    const index = join(dir, format.index);
    const shards = shardNames(parseIndex(await readFile(index, 'utf8'), index), index, format);
    const absent = shards.find((name) => !listing.has(name));
    if (absent) throw missing(id, revision, absent);
    await fetchAll(shards);
  }
  await writeRef(storage, revision, commit);
  return { dir, commit };
}

/** The snapshot that an earlier download of `revision` left, when its configuration and weights are whole. */
export async function cached(
  id: string,
  revision: string,
  cacheDir: string,
): Promise<{ dir: string; commit: string } | undefined> {
  const storage = storageOf(id, cacheDir);
  const ref = await readFile(join(storage, 'refs', revision), 'utf8').catch(() => revision);
  const commit = ref.trim();
  const dir = join(storage, 'snapshots', commit);
  if (!/^[0-9a-f]{40}$/.test(commit) || !(await exists(join(dir, 'config.json')))) return undefined;
  let weights: ReturnType<typeof weightsAmong>;
  try {
    weights = weightsAmong(await readdir(dir), dir);
  } catch {
    return undefined; // An interrupted download left no weights yet.
  }
  const { format, isSingle } = weights;
  if (isSingle) return (await exists(join(dir, format.single))) ? { dir, commit } : undefined;
  const index = join(dir, format.index);
  const text = await readFile(index, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const shards = shardNames(parseIndex(text, index), index, format);
  const whole = await Promise.all(shards.map((name) => exists(join(dir, name))));
  return whole.every(Boolean) ? { dir, commit } : undefined;
}

/** Whether `error` means that the hub could not answer, so that a copy in the cache may do: not a refusal, not the disk. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof HubApiError) return error.statusCode >= 500 || error.statusCode === 429;
  return !(error instanceof ConchError) && !isDiskError(error);
}

/** An error of the file system, which names the path it failed on. */
export function isDiskError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}

function storageOf(id: string, cacheDir: string): string {
  return join(cacheDir, ['models', ...id.split('/')].join('--'));
}

function etagOf({ lfs, oid, path }: ListFileEntry): string {
  const etag = lfs?.oid ?? oid ?? '';
  if (!/^[0-9a-f]{40,64}$/.test(etag)) throw new TypeError(`the hub gave ${path} the hash '${etag}'`);
  return etag;
}

/** `fetch` that gives up when the answer's head does not come in time; the body is watched by `store`. */
function fetchWithin(timeoutMs: number): typeof fetch {
  return async (input, init) => {
    const timer = new AbortController();
    const handle = setTimeout(() => timer.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await fetch(input, { ...init, signal: timer.signal });
    } finally {
      clearTimeout(handle);
    }
  };
}

async function store(
  stream: ReadableStream<Uint8Array>,
  entry: ListFileEntry,
  blob: string,
  timeoutMs: number,
  report: (bytes: number) => void,
): Promise<void> {
  await mkdir(dirname(blob), { recursive: true });
  const temporary = `${blob}.${randomBytes(6).toString('hex')}.incomplete`;
  const hash = createHash('sha256');
  const reader = stream.getReader();
  const file = await open(temporary, 'wx');
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), timeoutMs, entry.path);
      if (done) break;
      hash.update(value);
      size += value.length;
      await file.writeFile(value);
      report(value.length);
    }
    const digest = hash.digest('hex');
    if (size !== entry.size || (entry.lfs && digest !== entry.lfs.oid)) {
      const problem = size === entry.size ? 'another hash' : `${size} bytes`;
      throw new Error(`${entry.path} arrived with ${problem} where the hub announced ${entry.lfs?.oid ?? entry.size}`);
    }
    await file.close();
    await rename(temporary, blob);
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    await file.close().catch(() => {});
    await rm(temporary, { force: true });
    throw error;
  }
}

async function within<T>(work: Promise<T>, timeoutMs: number, path: string): Promise<T> {
  let handle: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    handle = setTimeout(() => reject(new Error(`${path} stood still for ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, stalled]);
  } finally {
    clearTimeout(handle);
  }
}

/** A relative link into blobs/; where links are not allowed (Windows without developer mode) a hard link or a copy. */
async function place(blob: string, pointer: string): Promise<void> {
  await mkdir(dirname(pointer), { recursive: true });
  await rm(pointer, { force: true });
  await symlink(relative(dirname(pointer), blob), pointer)
    .catch(() => link(blob, pointer))
    .catch(() => copyFile(blob, pointer));
}

async function writeRef(storage: string, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  const ref = join(storage, 'refs', revision);
  await mkdir(dirname(ref), { recursive: true });
  await writeFile(ref, commit);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function missing(id: string, revision: string, file: string): ConchError {
  return new ConchError('CHECKPOINT_INVALID', `${id} (revision ${revision}) has no ${file} on the hub`, {
    where: { file: id, path: file },
    fix: 'name a repository of a transformers model with safetensors or PyTorch weights',
  });
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
