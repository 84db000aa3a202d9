import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ConchError } from '../../base/index.ts';

/** The objects of a reference file, one a line, as they are asked for. Throws FILE_NOT_FOUND, or FILE_INVALID with the line. */
export async function* readJsonLines(file: string): AsyncGenerator<Readonly<Record<string, unknown>>> {
  const stream = createReadStream(file);
  try {
    await once(stream, 'open');
  } catch (cause) {
    throw new ConchError('FILE_NOT_FOUND', `expect: cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, {
      where: { file },
      cause,
    });
  }
  try {
    let number = 0;
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      number++;
      if (line.trim() !== '') yield parseLine(line, { file, line: number });
    }
  } finally {
    stream.destroy();
  }
}

function parseLine(line: string, where: { file: string; line: number }): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new ConchError('FILE_INVALID', `line is not JSON: ${(cause as Error).message}`, { where, cause });
  }
  throw new ConchError('FILE_INVALID', 'line is no object', { where });
}
