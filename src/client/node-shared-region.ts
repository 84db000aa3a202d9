import { closeSync, constants, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ConchError } from '../base/index.ts';
import type { OutgoingOutput, SharedTensor } from '../protocol/index.ts';
import { bytesOf, createTensor, datatypes, elementCount, type Tensor, viewBytes } from '../tensor/index.ts';

export interface SharedRegionOptions {
  /** Name of the shared memory object; default made from the region's name and this process's id. */
  readonly key?: string;
  /** Folder of shared memory objects; default /dev/shm, where Linux has them. */
  readonly folder?: string;
}

/** Tensors begin at multiples of this many bytes, which suits every data type and the processor's cache lines. */
const alignment = 64;

/**
 * A shared memory object of this process that a server on the same machine can map, so that tensors need not travel:
 *
 *     const region = SharedRegion.create('inputs', 1 << 20);
 *     await client.systemSharedMemory.register(region.name, region);
 *     await client.infer({ model, inputs: [region.write(x)], outputs: [region.place('y', 4096)] });
 *
 * On Linux such an object is a file in /dev/shm; it is written in place, without native code. Nothing is locked: what a
 * request reads or writes must be left alone until its answer is there.
 */
export class SharedRegion {
  readonly name: string;
  /** As `shm_open` takes it. */
  readonly key: string;
  readonly byteSize: number;
  readonly #path: string;
  readonly #descriptor: number;
  #next = 0;
  #closed = false;

  private constructor(name: string, key: string, byteSize: number, path: string, descriptor: number) {
    this.name = name;
    this.key = key;
    this.byteSize = byteSize;
    this.#path = path;
    this.#descriptor = descriptor;
  }

  /** Makes the object, filled with zeros. Throws FILE_NOT_WRITTEN, also for one that is there already; USAGE for a size or key that cannot be. */
  static create(name: string, byteSize: number, options: SharedRegionOptions = {}): SharedRegion {
    const { key = `/conch-${name.replace(/[^\w.-]/g, '_')}-${process.pid}`, folder = '/dev/shm' } = options;
    const file = key.replace(/^\/+/, '');
    if (file === '' || file === '.' || file === '..' || file.includes('/') || file.includes('\0')) {
      throw new ConchError(
        'USAGE',
        `shared memory key ${JSON.stringify(key)}: it must be one name, with a '/' at most at its start`,
      );
    }
    if (!Number.isSafeInteger(byteSize) || byteSize < 1) {
      throw new ConchError('USAGE', `a shared memory region has a whole number of bytes above 0, not ${byteSize}`);
    }
    const path = join(folder, file);
    try {
      const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
      try {
        ftruncateSync(descriptor, byteSize);
        return new SharedRegion(name, key, byteSize, path, descriptor);
      } catch (error) {
        closeSync(descriptor);
        unlinkSync(path);
        throw error;
      }
    } catch (cause) {
      throw new ConchError('FILE_NOT_WRITTEN', `shared memory object '${key}': ${(cause as Error).message}`, {
        cause,
        where: { file: path },
        fix: 'shared memory needs Linux; a key that another process left behind is a file there to delete',
      });
    }
  }

  /** Copies a tensor into the region, behind the last one or at `offset`; what it gives is an input of a request. */
  write(tensor: Tensor, offset?: number): SharedTensor {
    const bytes = bytesOf(tensor);
    const start = this.#take(`tensor '${tensor.name}'`, bytes.length, offset);
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, start + done);
    }
    const { name, datatype, shape } = tensor;
    return { name, datatype, shape, sharedMemory: { region: this.name, offset: start, byteSize: bytes.length } };
  }

  /** Room for an output of at most so many bytes; what it gives is an output of a request. */
  place(output: string, byteSize: number, offset?: number): OutgoingOutput {
    const start = this.#take(`output '${output}'`, byteSize, offset);
    return { name: output, sharedMemory: { region: this.name, offset: start, byteSize } };
  }

  /** A copy of what lies there now, as one of a response's `sharedOutputs`, or an input. Throws SERVER_ERROR for a shape that is larger than its place. */
  read({ name, datatype, shape, sharedMemory }: SharedTensor): Tensor {
    this.#refuseClosed();
    const { region, offset, byteSize } = sharedMemory;
    if (region !== this.name) {
      throw new ConchError('USAGE', `tensor '${name}' lies in region '${region}', not in '${this.name}'`);
    }
    const { size } = datatypes[datatype];
    const length = size === 0 ? byteSize : elementCount(shape) * size;
    if (length > byteSize || offset + length > this.byteSize) throw this.#tooLarge(name, length, byteSize);
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const got = readSync(this.#descriptor, bytes, done, length - done, offset + done);
      if (got === 0) throw new ConchError('FILE_INVALID', `shared memory object '${this.key}' was cut short`);
      done += got;
    }
    const used = size === 0 ? bytes.subarray(0, framedLength(name, bytes, elementCount(shape))) : bytes;
    return createTensor(name, datatype, shape, viewBytes(datatype, used));
  }

  /** Forgets what was placed, so that the next tensors begin at the start again. */
  reuse(): void {
    this.#next = 0;
  }

  /** Removes the object. Servers that still have it registered keep its memory until they let go of it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
    unlinkSync(this.#path);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(subject: string, byteSize: number, offset: number | undefined): number {
    this.#refuseClosed();
    const start = offset ?? this.#next;
    if (!(start >= 0) || !(byteSize >= 1) || start + byteSize > this.byteSize) {
      throw new ConchError(
        'USAGE',
        `${subject}: ${byteSize} bytes at ${start} do not fit region '${this.name}' of ${this.byteSize} bytes`,
        { fix: 'make the region larger, or call reuse() once its tensors are no longer needed' },
      );
    }
    this.#next = Math.max(this.#next, Math.ceil((start + byteSize) / alignment) * alignment);
    return start;
  }

  #refuseClosed(): void {
    if (this.#closed) throw new ConchError('USAGE', `shared memory region '${this.name}' is closed`);
  }

  #tooLarge(name: string, length: number, byteSize: number): ConchError {
    return new ConchError('SERVER_ERROR', `tensor '${name}' has ${length} bytes, its place ${byteSize}`);
  }
}

/** How many bytes so many BYTES elements take, lengths included. */
function framedLength(name: string, bytes: Uint8Array, count: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = 0;
  for (let index = 0; index < count; index++) {
    end = end + 4 <= bytes.length ? end + 4 + view.getUint32(end, true) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new ConchError('SERVER_ERROR', `tensor '${name}' is longer than its place`);
  }
  return end;
}
