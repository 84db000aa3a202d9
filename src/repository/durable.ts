import { open, readdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Waits until a file, or a folder's list of names, is on the disk. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems (network, Windows) cannot flush folders; they order renames by themselves or not at all.
    if (!['EPERM', 'EINVAL', 'EISDIR', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** Flushes everything below `dir`, and `dir`. */
export async function flushTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await flushTree(path);
    else if (entry.isFile()) await flush(path);
  }
  await flush(dir);
}

/** Renames and waits until both folders are on the disk. */
export async function move(from: string, to: string): Promise<void> {
  await rename(from, to);
  await flush(dirname(to));
  await flush(dirname(from));
}

/** Puts `text` in place of whatever `path` was, in one step; `workshop` takes the file until it is whole. */
export async function replaceFile(path: string, text: string, workshop: string): Promise<void> {
  const temporary = join(workshop, `${basename(path)}.new`);
  await writeFile(temporary, text);
  await flush(temporary);
  await move(temporary, path);
}
