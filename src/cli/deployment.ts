import { existsSync } from 'node:fs';
import { ConchError } from '../base/index.ts';
import type { LoadedDeployment } from '../compile/index.ts';

export const fileOption = {
  flags: '-f, --file <path>',
  summary: 'deployment file (default: conch.config.ts in this folder)',
} as const;

/** The deployment file that `--file` names, or the one in this folder; throws FILE_NOT_FOUND without one. */
export async function requireDeployment(file: unknown): Promise<LoadedDeployment> {
  const found = await findDeployment(file);
  if (found) return found;
  throw new ConchError('FILE_NOT_FOUND', 'no conch.config.ts in this folder', {
    fix: 'name one with --file, or compile a checkpoint: conch compile ./checkpoint --name finbert --out models',
  });
}

/** Like `requireDeployment`, but undefined when there is none and none was named. */
export async function findDeployment(file: unknown): Promise<LoadedDeployment | undefined> {
  const { findDeploymentFile, loadDeployment } = await import('../compile/index.ts');
  const path = typeof file === 'string' ? file : findDeploymentFile(process.cwd());
  return path === undefined ? undefined : loadDeployment(path);
}

/** The repository a command works on: what was named, else the deployment's, else `models`. Must exist. */
export async function requireRepository(named: unknown): Promise<string> {
  if (typeof named === 'string') {
    if (existsSync(named)) return named;
    throw new ConchError('FILE_NOT_FOUND', `no model repository at ${named}`, {
      fix: 'name the folder that holds <model>/config.pbtxt',
    });
  }
  const loaded = await findDeployment(undefined);
  const { repositoryOf } = await import('../compile/index.ts');
  const repository = loaded ? repositoryOf(loaded) : 'models';
  if (existsSync(repository)) return repository;
  throw new ConchError('FILE_NOT_FOUND', `no model repository at ${repository}`, {
    fix: loaded ? 'run conch compile first' : 'name the folder that holds <model>/config.pbtxt',
  });
}
