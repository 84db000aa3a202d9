import { type FileHandle, open } from 'node:fs/promises';

/**
 * A JSON array that grows: after every write the file is whole. What is appended while a write is under way goes with
 * the next one; `onError` hears once of a file that cannot be written, and what was to go there is dropped.
 */
export class TraceFile {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #pending: string[] = [];
  #writing: Promise<void> | undefined;
  #handle: FileHandle | undefined;
  /** Where the closing bracket stands. */
  #end = 0;
  #failed = false;

  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  /** Adds elements, each already JSON. */
  append(elements: readonly string[]): void {
    if (this.#failed) return;
    this.#pending.push(...elements);
    this.#writing ??= this.#write();
  }

  /** Resolves when everything is written and the file is closed. A later `append` goes on behind what is there. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const text = this.#pending.join(',');
        this.#pending = [];
        this.#handle ??= await open(this.#path, this.#end === 0 ? 'w' : 'r+');
        const bytes = Buffer.from(`${this.#end === 0 ? '[' : ','}${text}]`);
        await this.#handle.write(bytes, 0, bytes.length, this.#end);
        this.#end += bytes.length - 1;
      }
    } catch (error) {
      this.#failed = true;
      this.#pending = [];
      this.#onError(error);
    } finally {
      this.#writing = undefined;
    }
  }
}
