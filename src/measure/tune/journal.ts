import { appendFile, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConchError, hashValue, makeFolders } from '../../base/index.ts';
import type { Measurement } from './measurement.ts';

interface Entry {
  /** Of all that a measurement depends on but its point. */
  readonly key: string;
  readonly measurement: Measurement;
}

/**
 * Measurements in a file of JSON lines, each written as soon as it is done, so that a search that is broken off goes on
 * where it was. A line counts only for the same key: a changed model, machine or load starts afresh.
 */
export class Journal {
  readonly path: string | undefined;
  readonly #key: string;
  readonly #known = new Map<string, Measurement[]>();

  private constructor(path: string | undefined, key: string) {
    this.path = path;
    this.#key = key;
  }

  /** Without a path nothing is kept. Throws FILE_INVALID for a file that is no journal. */
  static async open(path: string | undefined, dependsOn: unknown): Promise<Journal> {
    const journal = new Journal(path, hashValue(dependsOn).slice(0, 23));
    if (path === undefined) return journal;
    const text = await readFile(path, 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return '';
      throw new ConchError('FILE_INVALID', `${path}: ${error.message}`, { where: { file: path }, cause: error });
    });
    const lines = text.split('\n');
    for (const [index, line] of lines.entries()) {
      if (line.trim() === '') continue;
      let entry: Partial<Entry>;
      try {
        entry = JSON.parse(line);
      } catch (cause) {
        // The last line of a process that was killed while it wrote.
        if (index >= lines.length - 2) continue;
        throw new ConchError('FILE_INVALID', `${path} is no journal of conch tune`, {
          where: { file: path, line: index + 1 },
          cause,
        });
      }
      if (entry.key === journal.#key && entry.measurement) journal.#remember(entry.measurement);
    }
    return journal;
  }

  /** Measurements of a point, in the order in which they were made. */
  of(id: string): readonly Measurement[] {
    return this.#known.get(id) ?? [];
  }

  get size(): number {
    return [...this.#known.values()].reduce((sum, list) => sum + list.length, 0);
  }

  async add(measurement: Measurement): Promise<void> {
    this.#remember(measurement);
    if (this.path === undefined) return;
    const entry: Entry = { key: this.#key, measurement };
    try {
      await makeFolders(dirname(this.path));
      // A line that was cut off must not swallow this one.
      await appendFile(this.path, `\n${JSON.stringify(entry)}\n`);
    } catch (cause) {
      throw new ConchError('FILE_NOT_WRITTEN', `--journal ${this.path}: ${(cause as Error).message}`, { cause });
    }
  }

  #remember(measurement: Measurement): void {
    this.#known.set(measurement.id, [...(this.#known.get(measurement.id) ?? []), measurement]);
  }
}
