import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConchError, makeFolders } from '../../base/index.ts';

const deploymentFiles = ['conch.config.ts', 'conch.config.mts', 'conch.config.js', 'conch.config.mjs'];

/** Writes files that are not there yet. Throws FILE_NOT_WRITTEN, and writes none, where one is; a .gitignore stays as it is. */
export async function writeNew(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string[]> {
  const names = Object.keys(files).filter((name) => name !== '.gitignore' || !existsSync(join(folder, name)));
  const there = [...deploymentFiles, ...names].find((name) => existsSync(join(folder, name)));
  if (there !== undefined) {
    throw new ConchError('FILE_NOT_WRITTEN', `${join(folder, there)} is there already; nothing was written`, {
      fix: 'name another folder, or remove it',
    });
  }
  for (const name of names) {
    const path = join(folder, name);
    try {
      await makeFolders(dirname(path));
      // Not over a file that has come into being meanwhile.
      await writeFile(path, files[name]!, { flag: 'wx' });
    } catch (cause) {
      throw new ConchError('FILE_NOT_WRITTEN', `${path} could not be written: ${(cause as Error).message}`, { cause });
    }
  }
  return names;
}
