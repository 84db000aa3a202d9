import { closeSync, openSync, readSync } from 'node:fs';
import { ConchError } from '../base/index.ts';

const chunkBytes = 1 << 20;

/** `length` bytes of a file from `offset` on, in chunks that are valid until the next is asked for. */
export function* readRange(path: string, offset: number, length: number, what: string): Generator<Uint8Array> {
  const file = openSync(path, 'r');
  try {
    // Each reading has its own buffer: several may be under way.
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, length));
    for (let done = 0; done < length; ) {
      const read = readSync(file, buffer, 0, Math.min(buffer.length, length - done), offset + done);
      if (read === 0) {
        throw new ConchError(
          'ONNX_INVALID',
          `${path}: ${what} needs ${length} bytes at ${offset}, the file has ${done}`,
          {
            where: { file: path },
            fix: 'export or download the model again, with the files of its weights',
          },
        );
      }
      done += read;
      yield buffer.subarray(0, read);
    }
  } finally {
    closeSync(file);
  }
}
