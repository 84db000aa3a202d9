import { copyFile, link, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';

/**
 * Puts some models of a repository into another folder: their files as hard links where the file system has them, else as
 * copies, so that a changed configuration touches nothing of the original.
 */
export async function copyModels(root: string, models: readonly string[], to: string): Promise<void> {
  for (const model of models) await linkFolder(join(root, model), join(to, model));
}

async function linkFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkFolder(source, target);
    // Written anew, never through the link: the original has the same inode.
    else if (entry.name === 'config.pbtxt') await copyFile(source, target);
    else if (entry.isFile()) await link(source, target).catch(() => copyFile(source, target));
    else if (entry.isSymbolicLink()) await copyFile(source, target);
  }
}

/** The text of a model's config.pbtxt; '' where it has none. */
export async function readConfigText(root: string, model: string): Promise<string> {
  try {
    return await readFile(join(root, model, 'config.pbtxt'), 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new ConchError('FILE_NOT_FOUND', `${join(root, model, 'config.pbtxt')}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

export async function writeConfigText(root: string, model: string, text: string): Promise<void> {
  await writeFile(join(root, model, 'config.pbtxt'), text);
}
