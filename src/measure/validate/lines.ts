import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ConchError } from '../../base/index.ts';

export interface TextLine {
  /** 1-based. */
  readonly number: number;
  readonly text: string;
  /** How much of the file has been read with this line, 0 to 1. */
  readonly fraction: number;
}

const longestLine = 64 << 20;

/**
 * The lines of a UTF-8 file that are not blank, read as they are asked for.
 * @throws FILE_NOT_FOUND, or FILE_INVALID naming the line that is not UTF-8 or longer than 64 MiB.
 */
export async function* readLines(path: string): AsyncGenerator<TextLine> {
  const size = await sizeOf(path);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 0;
  let read = 0;
  let pending: Buffer[] = [];
  let pendingLength = 0;
  const finish = (last: Buffer): TextLine | undefined => {
    number++;
    const bytes = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    pendingLength = 0;
    const text = decode(decoder, bytes, path, number);
    return text.trim() === '' ? undefined : { number, text, fraction: Math.min(1, read / Math.max(1, size)) };
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 16 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      read += end + 1 - start;
      const line = finish(chunk.subarray(start, end));
      start = end + 1;
      if (line) yield line;
    }
    if (start < chunk.length) {
      read += chunk.length - start;
      pending.push(chunk.subarray(start));
      pendingLength += chunk.length - start;
      if (pendingLength > longestLine) {
        throw new ConchError('FILE_INVALID', `line is longer than ${longestLine} bytes`, {
          where: { file: path, line: number + 1 },
        });
      }
    }
  }
  const last = pendingLength > 0 ? finish(Buffer.alloc(0)) : undefined;
  if (last) yield last;
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (found.isFile() || found.isFIFO()) return found.size;
  } catch (cause) {
    throw new ConchError('FILE_NOT_FOUND', `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, {
      where: { file: path },
      cause,
    });
  }
  throw new ConchError('FILE_NOT_FOUND', `${path} is not a file`, { where: { file: path } });
}

function decode(decoder: { decode(bytes: Uint8Array): string }, bytes: Buffer, file: string, line: number): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new ConchError('FILE_INVALID', 'line is not valid UTF-8', { where: { file, line }, cause });
  }
}
