import { randomUUID } from 'node:crypto';
import { chmod, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConchError } from '../base/index.ts';
import { flush, move } from './durable.ts';
import { reason } from './folder.ts';

/**
 * Puts a text in place of a configuration file in one step: whoever reads it meanwhile, Triton among them, sees the old
 * text or the new one. A link is followed, permissions are kept. Throws FILE_NOT_WRITTEN, leaving the old file as it was.
 */
export async function writeConfigFile(path: string, text: string | Uint8Array): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = await realpath(path).catch(() => path);
    const mode = await stat(target).then(
      (status) => status.mode & 0o777,
      () => undefined,
    );
    temporary = join(dirname(target), `.${randomUUID()}.pbtxt`);
    await writeFile(temporary, text, { flag: 'wx' });
    if (mode !== undefined) await chmod(temporary, mode);
    await flush(temporary);
    await move(temporary, target);
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => {});
    throw new ConchError('FILE_NOT_WRITTEN', `${path} cannot be written: ${reason(error)}`, {
      where: { file: path },
      cause: error,
    });
  }
}
