import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cacheDirectory } from './cache-directory.ts';
import { ConchError } from './errors.ts';

/** The lock's two files: PyTorch may come from an index of its own, whose builds have other hashes. */
export const environmentLock = { rest: 'requirements.txt', torch: 'torch.txt' } as const;

/** Lies in an environment whose installation ended well. */
export const environmentMarker = 'conch-environment.json';

/** A file of the package's `python/compile`, above this module in the sources as in the built package. */
export function compileScript(name: string): string {
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const path = join(dir, 'python', 'compile', name);
    if (existsSync(path)) return path;
    if (dirname(dir) === dir) {
      throw new ConchError('INTERNAL', `python/compile/${name} is not in the package of ${import.meta.dirname}`);
    }
  }
}

/** Identifies the lock: another one makes another environment, and leaves the old one alone. */
function lockHash(): string {
  const hash = createHash('sha256');
  for (const file of Object.values(environmentLock)) hash.update(readFileSync(compileScript(file)));
  return hash.digest('hex').slice(0, 12);
}

/**
 * Where the environment of `conch env` lies: `CONCH_ENVIRONMENT`, else a folder of the cache named after the lock.
 */
export function environmentDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.CONCH_ENVIRONMENT) return resolve(env.CONCH_ENVIRONMENT);
  return resolve(cacheDirectory(env), 'environments', `compile-${lockHash()}`);
}

export function environmentPython(dir: string): string {
  return process.platform === 'win32' ? join(dir, 'Scripts', 'python.exe') : join(dir, 'bin', 'python3');
}

/**
 * The Python that runs TorchScript where the model names none: `CONCH_PYTHON`, else that of `conch env` where it was
 * made, else `python3`.
 */
export function torchPython(env: NodeJS.ProcessEnv = process.env): string {
  if (env.CONCH_PYTHON) return env.CONCH_PYTHON;
  const dir = environmentDir(env);
  return existsSync(join(dir, environmentMarker)) ? environmentPython(dir) : 'python3';
}
