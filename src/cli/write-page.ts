import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConchError, makeFolders } from '../base/index.ts';

/** Writes what `--html` asks for. Throws FILE_NOT_WRITTEN. */
export async function writePage(path: string, page: string): Promise<void> {
  try {
    await makeFolders(dirname(path));
    await writeFile(path, page);
  } catch (cause) {
    throw new ConchError('FILE_NOT_WRITTEN', `--html: ${path}: ${(cause as Error).message}`, { cause });
  }
}
