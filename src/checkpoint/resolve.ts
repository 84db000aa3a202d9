import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { getHFHubCachePath, HubApiError } from '@huggingface/hub';
import { ConchError, type Progress } from '../base/index.ts';
import { cached, download, isDiskError, isUnreachable } from './hub.ts';

export interface ResolveOptions {
  /** Branch, tag, commit or `refs/pr/N` on the hub; `main` by default. */
  readonly revision?: string;
  /** Hugging Face's cache folder; by default theirs (HF_HUB_CACHE, HF_HOME, ~/.cache/huggingface/hub). */
  readonly cacheDir?: string;
  /** Hub token; HF_TOKEN by default. */
  readonly token?: string;
  /** Use the cache only; also when HF_HUB_OFFLINE is set. */
  readonly offline?: boolean;
  readonly progress: Progress;
  /** Folder that relative paths are seen from; the working folder by default. */
  readonly baseDir?: string;
  /** Address of the hub; HF_ENDPOINT, else https://huggingface.co. */
  readonly endpoint?: string;
  /** Milliseconds that the hub may take to answer or let a download stand still; 30,000 by default. */
  readonly timeoutMs?: number;
}

export interface ResolvedCheckpoint {
  /** The folder that holds the checkpoint now. */
  readonly dir: string;
  /** What was asked for: the path as given, or the hub id. */
  readonly source: string;
  /** The hub's commit; absent for local folders. */
  readonly revision?: string;
}

const hubId = /^(?:[\w-][\w.-]*\/)?[\w-][\w.-]*$/;

/**
 * The folder of a checkpoint: `source` itself when it is a folder, else the hub repository of that name, fetched into
 * the cache. Throws FILE_NOT_FOUND, HUB_UNREACHABLE (nothing answers and the cache has no copy), HUB_NOT_FOUND,
 * CHECKPOINT_INVALID or CHECKPOINT_UNSUPPORTED (no weights there that can be read).
 */
export async function resolveCheckpoint(source: string, options: ResolveOptions): Promise<ResolvedCheckpoint> {
  const path = resolve(options.baseDir ?? '.', source.replace(/^~(?=\/|$)/, homedir()));
  const local = await stat(path).catch(() => undefined);
  if (source && local?.isDirectory()) return { dir: path, source };
  if (source && local) {
    throw new ConchError('CHECKPOINT_INVALID', `${path} is a file; a checkpoint is a folder with config.json`, {
      where: { file: path },
      fix: 'hand over the folder that the file lies in',
    });
  }
  const id = source.replace(/^https:\/\/huggingface\.co\//, '').replace(/\/$/, '');
  if (!hubId.test(id) || id.includes('..') || id.includes('--')) {
    throw new ConchError('FILE_NOT_FOUND', `the checkpoint folder ${path} does not exist`, {
      where: { file: path },
      fix: 'name an existing folder, or a model on the Hugging Face hub such as ProsusAI/finbert',
    });
  }
  return { source: id, ...(await fromHub(id, path, options)) };
}

async function fromHub(id: string, path: string, options: ResolveOptions): Promise<{ dir: string; revision: string }> {
  const revision = options.revision ?? 'main';
  if (!/^[\w.-]+(?:\/[\w.-]+)*$/.test(revision) || revision.includes('..')) {
    throw new ConchError('USAGE', `'${revision}' is not the name of a revision`, {
      fix: 'give a branch, a tag, a commit or refs/pr/N',
    });
  }
  const token = options.token ?? process.env.HF_TOKEN;
  if (token && !token.startsWith('hf_')) {
    throw new ConchError('USAGE', 'the hub token does not start with hf_', {
      fix: 'make an access token in the settings of your Hugging Face account and set HF_TOKEN to it',
    });
  }
  const endpoint = (options.endpoint ?? process.env.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/$/, '');
  const cacheDir = options.cacheDir ?? getHFHubCachePath();
  const offline = options.offline ?? /^(1|true|yes|on)$/i.test(process.env.HF_HUB_OFFLINE ?? '');
  const task = options.progress.start(`${id}: download`);
  const fromCache = async (why: string, cause?: unknown) => {
    const copy = await cached(id, revision, cacheDir);
    if (!copy) throw unreachable(id, revision, path, endpoint, why, cause);
    task.done(`${why}; using the cached copy`);
    return { dir: copy.dir, revision: copy.commit };
  };
  try {
    if (offline) return await fromCache('offline mode is on');
    const timeoutMs = options.timeoutMs ?? 30_000;
    try {
      const { dir, commit } = await download(id, revision, { endpoint, cacheDir, token, timeoutMs }, task);
      task.done(commit.slice(0, 12));
      return { dir, revision: commit };
    } catch (error) {
      if (isUnreachable(error)) return await fromCache(reasonOf(error), error);
      if (isDiskError(error)) throw unwritable(id, cacheDir, error);
      throw error instanceof HubApiError ? refused(id, revision, error, token) : error;
    }
  } catch (error) {
    task.fail();
    throw error;
  }
}

function unreachable(id: string, revision: string, path: string, endpoint: string, why: string, cause: unknown) {
  return new ConchError(
    'HUB_UNREACHABLE',
    `${id} (revision ${revision}) is neither a folder (${path}) nor in the cache, and ${endpoint} cannot be asked: ${why}`,
    {
      fix:
        'download the repository where there is a network (`hf download` or git clone) and name its folder, ' +
        'or set HF_ENDPOINT to a mirror that this machine reaches',
      cause,
    },
  );
}

function refused(id: string, revision: string, error: HubApiError, token: string | undefined): ConchError {
  const { statusCode } = error;
  const denied = statusCode === 401 || statusCode === 403;
  return new ConchError(
    'HUB_NOT_FOUND',
    `the hub answers ${statusCode} for ${id} (revision ${revision}): ` +
      (denied ? 'there is no such repository, or it is private or gated' : 'no such repository or revision'),
    {
      fix: denied && !token ? 'check the name, or set HF_TOKEN to a token that may read it' : 'check name and revision',
      cause: error,
    },
  );
}

function unwritable(id: string, cacheDir: string, error: NodeJS.ErrnoException): ConchError {
  return new ConchError('FILE_INVALID', `${id} cannot be stored in the cache ${cacheDir}: ${error.message}`, {
    where: { file: cacheDir },
    fix: 'make room there, or set HF_HOME to a folder that can be written',
    cause: error,
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error); // the hub's library hands over bare messages for broken streams
  const { message, cause } = error;
  return cause instanceof Error && cause.message ? `${message} (${cause.message})` : message;
}
