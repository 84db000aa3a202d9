import { createHash } from 'node:crypto';
import { bytesOf, type Tensor, viewBytes } from '../tensor/index.ts';
import type { BackendResponse } from './backend.ts';
import type { AdmittedRequest } from './request.ts';

/** What an entry costs besides its tensors' bytes, roughly. */
const overheadBytes = 512;

interface Entry {
  readonly response: BackendResponse;
  readonly bytes: number;
}

/**
 * Responses of models that opted in (`response_cache { enable: true }`), least recently used ones leaving first. One for
 * the whole engine, as Triton's local cache. Unlike Triton's, whose key is the model's name and version and the inputs'
 * bytes, ours also tells apart shapes, types, requested outputs and reloads, so that a hit is always the right answer.
 */
export class ResponseCache {
  /** Bytes that all entries together may take. */
  readonly capacity: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #owners = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** A view for one loaded version; what an earlier load of it stored is not found through it. */
  open(): VersionCache {
    this.#owners += 1;
    return new VersionCache(this, `${this.#owners}`);
  }

  get(key: string): BackendResponse | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    // Youngest last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.response;
  }

  /** Keeps a copy, so that no entry holds on to the memory of a whole batch. Too large ones are not kept. */
  set(key: string, { outputs, parameters }: BackendResponse): void {
    const bytes = outputs.reduce((sum, output) => sum + output.data.byteLength, overheadBytes);
    this.delete(key);
    if (bytes > this.capacity) return;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes + bytes <= this.capacity) break;
      this.delete(oldest);
    }
    this.#entries.set(key, { response: { outputs: outputs.map(copyOf), ...(parameters && { parameters }) }, bytes });
    this.#bytes += bytes;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  /** Forgets everything that one owner stored. */
  drop(owner: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(`${owner}:`)) this.delete(key);
  }
}

/** The cache as one loaded version of a model sees it. */
export class VersionCache {
  readonly #cache: ResponseCache;
  readonly #owner: string;

  constructor(cache: ResponseCache, owner: string) {
    this.#cache = cache;
    this.#owner = owner;
  }

  keyOf({ inputs, outputs }: AdmittedRequest): string {
    const hash = createHash('sha256');
    for (const { name, datatype, shape, data } of inputs) {
      hash.update(JSON.stringify([name, datatype, shape, data.byteLength]));
      hash.update(bytesOf({ data }));
    }
    hash.update(JSON.stringify(outputs));
    return `${this.#owner}:${hash.digest('base64')}`;
  }

  get(key: string): BackendResponse | undefined {
    return this.#cache.get(key);
  }

  set(key: string, response: BackendResponse): void {
    this.#cache.set(key, response);
  }

  /** The version is gone. */
  close(): void {
    this.#cache.drop(this.#owner);
  }
}

function copyOf({ name, datatype, shape, data }: Tensor): Tensor {
  return { name, datatype, shape, data: viewBytes(datatype, Uint8Array.from(bytesOf({ data }))) };
}
