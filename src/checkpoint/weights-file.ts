import { type FileHandle, open, stat } from 'node:fs/promises';
import { ConchError } from '../base/index.ts';
import type { Datatype } from '../tensor/index.ts';

/** A tensor in a file of weights, whatever the file's format. */
export interface StoredTensor {
  readonly name: string;
  /** In safetensors' spelling, e.g. `BF16`. */
  readonly dtype: string;
  /** Undefined for types that Triton's protocol does not have, e.g. F8_E4M3. */
  readonly datatype: Datatype | undefined;
  readonly shape: readonly number[];
  /** Size of its elements together. */
  readonly bytes: number;
  readonly file: string;
}

/** An opened file of weights: the names and shapes in it, and their data on demand. */
export interface WeightsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /**
   * The tensor's little-endian bytes, row by row, in chunks of whole elements of at most 1 MiB; each chunk is valid
   * until the next is asked for.
   */
  read(name: string): AsyncIterable<Uint8Array>;
}

export const chunkBytes = 1 << 20;

/** Makes the error of one format: what is wrong, with which tensor, and what to do about it. */
export type Invalid = (path: string, problem: string, tensor?: string, fix?: string) => ConchError;

/** Opens a regular file for reading; throws FILE_NOT_FOUND, or what `invalid` makes of a folder, pipe or device. */
export async function openWeights(path: string, invalid: Invalid): Promise<FileHandle> {
  // Asked before opening: opening a pipe that nobody writes to never returns, and cannot be interrupted.
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isFile()) {
    const what = found.isDirectory() ? 'a folder' : 'a pipe or device';
    throw invalid(path, `expected a file, found ${what}`, undefined, 'put the weights there as a regular file');
  }
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new ConchError('FILE_NOT_FOUND', `${path} does not exist or cannot be read`, {
      where: { file: path },
      cause,
    });
  }
}

/** Fills `bytes` from `position` on. */
export async function readFully(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
  short: () => ConchError,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw short();
    done += bytesRead;
  }
}

/** `length` bytes of a file from `offset` on, in chunks of at most 1 MiB that share one buffer. */
export async function* readRange(
  path: string,
  { offset, length }: { readonly offset: number; readonly length: number },
  tensor: string,
  invalid: Invalid,
): AsyncGenerator<Buffer> {
  if (length === 0) return;
  const file = await openWeights(path, invalid);
  try {
    const buffer = Buffer.from(new ArrayBuffer(Math.min(length, chunkBytes)));
    for (let done = 0; done < length; ) {
      const chunk = buffer.subarray(0, Math.min(chunkBytes, length - done));
      await readFully(file, chunk, offset + done, () => becameShorter(path, tensor, invalid));
      done += chunk.length;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

export function becameShorter(path: string, tensor: string | undefined, invalid: Invalid): ConchError {
  return invalid(path, 'the file became shorter while it was read', tensor);
}

/** Refuses what stands in place of weights that Git never fetched. `start` is the file's first 8 bytes. */
export function refuseLfsPointer(path: string, start: Buffer, invalid: Invalid): void {
  if (start.toString('latin1', 0, 8) !== 'version ') return;
  const fix = 'fetch the content with `git lfs pull`';
  throw invalid(path, 'this is a Git LFS pointer, not the weights', undefined, fix);
}
