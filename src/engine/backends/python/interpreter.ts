import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConchError, torchPython } from '../../../base/index.ts';
import type { ModelSource } from '../../backend.ts';
import { parameterOf } from '../../parameters.ts';

const parameter = 'EXECUTION_ENV_PATH';
const modelDirectory = '$$TRITON_MODEL_DIRECTORY';

/**
 * The Python interpreter of a model: of the environment that its parameter `EXECUTION_ENV_PATH` names (a folder with
 * `bin/python3`, or a packed one, `.tar.gz`, which is unpacked into a cache), else what the environment variable
 * CONCH_PYTHON names, else for TorchScript that of `conch env`, which has PyTorch, where it was made, else `python3`.
 * Throws MODEL_LOAD_FAILED when the environment cannot be used.
 */
export async function interpreterOf(source: Pick<ModelSource, 'config' | 'dir'>): Promise<string> {
  const configured = parameterOf(source.config, parameter);
  if (configured) return environmentPython(configured, source);
  return source.config.backend === 'pytorch' ? torchPython() : process.env.CONCH_PYTHON || 'python3';
}

async function environmentPython(configured: string, source: Pick<ModelSource, 'config' | 'dir'>): Promise<string> {
  const path = resolve(configured.replaceAll(modelDirectory, dirname(source.dir)));
  const facts = await stat(path).catch((cause: unknown) => {
    throw refuse(`the environment ${path} does not exist or cannot be read`, cause);
  });
  const folder = facts.isDirectory() ? path : await unpacked(path, facts);
  const python = join(folder, 'bin', 'python3');
  if (existsSync(python)) return python;
  throw refuse(`the environment ${path} has no bin/python3`);
}

/** The folder that a packed environment was unpacked into, now or before; a changed file is unpacked anew. */
async function unpacked(
  archive: string,
  { size, mtimeMs }: { readonly size: number; readonly mtimeMs: number },
): Promise<string> {
  const cache = join(tmpdir(), 'conch-environments');
  const key = createHash('sha256').update(`${archive}\0${size}\0${mtimeMs}`).digest('hex').slice(0, 32);
  const folder = join(cache, key);
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const made = await mkdtemp(join(cache, `${key}-`));
  try {
    await promisify(execFile)('tar', ['-xf', archive, '-C', made]);
    await rename(made, folder);
  } catch (cause) {
    await rm(made, { recursive: true, force: true });
    // Another instance may have been faster.
    if (existsSync(folder)) return folder;
    throw refuse(`the environment ${archive} cannot be unpacked: ${(cause as Error).message.trim()}`, cause);
  }
  return folder;
}

function refuse(message: string, cause?: unknown): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', message, {
    where: { path: `parameters["${parameter}"].string_value` },
    fix: `let ${parameter} name a folder that has bin/python3, or one packed as .tar.gz`,
    cause,
  });
}
