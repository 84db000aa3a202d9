import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';

/** What a client says about a region of POSIX shared memory. */
export interface SystemRegionRequest {
  /** Name of the shared memory object, as for `shm_open`: with or without a slash in front. */
  readonly key: string;
  /** Where the region begins in the object, and how long it is; bytes. */
  readonly offset: number;
  readonly byteSize: number;
}

/** Names that a Python backend gives to the memory it shares with its own processes; no client may look into it. */
const reserved = /^(triton_python_backend_shm_region_|conch_python_)/;

/**
 * A part of a POSIX shared memory object, open for reading and writing. Node has no `mmap`; on Linux such an object is
 * a file in /dev/shm, which is read and written in place. Calls are synchronous: it is memory, not a disk.
 */
export class SystemRegion {
  readonly key: string;
  readonly offset: number;
  readonly byteSize: number;
  readonly #descriptor: number;

  private constructor(request: SystemRegionRequest, descriptor: number) {
    this.key = request.key;
    this.offset = request.offset;
    this.byteSize = request.byteSize;
    this.#descriptor = descriptor;
  }

  /** Throws REQUEST_INVALID: status INTERNAL (as Triton) for an object that cannot be opened, INVALID_ARG otherwise. */
  static open(request: SystemRegionRequest, folder: string): SystemRegion {
    const { key, offset, byteSize } = request;
    const path = join(folder, objectName(key));
    let descriptor: number;
    try {
      // No link is followed out of the folder, and a pipe does not block.
      descriptor = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new ConchError('REQUEST_INVALID', `shared memory object '${key}' cannot be opened: ${reason}`, {
        status: 'INTERNAL',
        cause,
      });
    }
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new ConchError('REQUEST_INVALID', `'${key}' is no shared memory object`);
      if (byteSize < 1) throw new ConchError('REQUEST_INVALID', `'byte_size' must be above 0, got ${byteSize}`);
      if (offset + byteSize > stats.size) {
        throw new ConchError(
          'REQUEST_INVALID',
          `shared memory object '${key}' has ${stats.size} bytes; offset ${offset} and byte_size ${byteSize} reach beyond`,
        );
      }
      return new SystemRegion(request, descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** A copy of `length` bytes from `start` of the region, which must hold them. */
  read(start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const got = readSync(this.#descriptor, bytes, done, length - done, this.offset + start + done);
      if (got === 0) throw this.#shrunk();
      done += got;
    }
    return bytes;
  }

  write(start: number, bytes: Uint8Array): void {
    // Writing past the end would make the object grow again under a client that has just cut it.
    if (fstatSync(this.#descriptor).size < this.offset + start + bytes.length) throw this.#shrunk();
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, this.offset + start + done);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #shrunk(): ConchError {
    return new ConchError(
      'REQUEST_INVALID',
      `shared memory object '${this.key}' is shorter than when it was registered`,
    );
  }
}

/** The file that a key stands for: one name, without a way out of the folder. */
function objectName(key: string): string {
  const name = key.replace(/^\/+/, '');
  const fault =
    name === ''
      ? 'it names no object'
      : name.includes('/') || name === '.' || name === '..'
        ? "it may have no '/' but at its start"
        : name.includes('\0') || Buffer.byteLength(name) > 255
          ? 'it is no file name'
          : reserved.test(name)
            ? "it belongs to a model's own processes"
            : undefined;
  if (fault === undefined) return name;
  throw new ConchError('REQUEST_INVALID', `shared memory key ${JSON.stringify(key.slice(0, 300))}: ${fault}`);
}
