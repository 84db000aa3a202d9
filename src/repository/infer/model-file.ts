import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';
import { servedVersions } from '../completion.ts';
import type { ModelEntry } from '../entry.ts';

/**
 * The path of a model file in the highest served version, below the model's folder. Throws FILE_NOT_FOUND when it is
 * missing and REPOSITORY_INVALID when no version is served.
 */
export function modelFile(entry: ModelEntry, name: string): string {
  const version = servedVersions(entry).at(-1);
  if (version === undefined)
    throw new ConchError('REPOSITORY_INVALID', `the version policy selects no version of ${entry.name}`, {
      where: { file: entry.configFile ?? entry.dir, path: 'version_policy' },
      fix: `the folder holds ${entry.versions.map((one) => one.folder).join(', ')}`,
    });
  if (version.files.some((file) => file.path === name)) return `${version.folder}/${name}`;
  const file = join(version.dir, name);
  throw new ConchError('FILE_NOT_FOUND', `${file} is missing`, {
    where: { file },
    fix: 'put the model file there, or name another one in default_model_filename',
  });
}
