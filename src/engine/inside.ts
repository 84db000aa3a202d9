import { readFile, realpath } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';

/** Reads a file that a config names in one of the model's own folders; throws an Error that says why it cannot. */
export async function readInside(folder: string, file: string): Promise<Uint8Array> {
  const path = join(folder, file);
  const [root, real] = await Promise.all([realpath(folder), realpath(path)]);
  if (!real.startsWith(root + sep)) throw new Error(`it lies outside the folder ${basename(folder)}`);
  return readFile(real);
}
