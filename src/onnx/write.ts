import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { ConchError } from '../base/index.ts';
import { type ExternalPlace, encodeModel } from './encode.ts';
import { GraphBuilder } from './graph.ts';
import { modelOf, type OnnxModel, type OnnxWeight } from './model.ts';

/** protobuf refuses messages of 2 GiB and more, so a larger model must have external data. */
const protobufLimit = 2 ** 31 - 1;
/** Smaller initializers stay in the model file: shapes and scalars are read while optimising, biases cost little. */
const externalMinimum = 1024;
/** Page sizes that runtimes map at: 4 KiB everywhere, 64 KiB where Windows maps views; only large tensors pay for it. */
const pageBytes = 4096;
const largePageBytes = 65536;
const largeTensorBytes = 1 << 20;

/**
 * Weights above this go beside the model. ONNX Runtime maps an external file where it would copy an embedded one through
 * the protobuf parser: BERT-base loads in 0.4 s and 440 MB instead of 0.8 s and 853 MB. Below, one file is handier.
 */
export const defaultExternalDataThreshold = 32 << 20;

export interface WriteOptions {
  readonly producer: { readonly name: string; readonly version: string };
  /** Bytes of initializers, all together, above which those of 1 KiB and more go to `<path>.data`. */
  readonly externalDataThreshold?: number;
  /** Called as payload bytes are written. */
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}

export interface WrittenModel {
  /** Names in the model's folder: the model, then its external data where there is some. */
  readonly files: readonly string[];
  /** Size of the files together. */
  readonly bytes: number;
}

/**
 * Writes a graph to `path` (and `<path>.data`), streaming every initializer from its source. The files appear under
 * their names only when whole and flushed to disk; after an error nothing of this call is left.
 */
export async function writeOnnx(
  path: string,
  source: GraphBuilder | OnnxModel,
  options: WriteOptions,
): Promise<WrittenModel> {
  const graph = source instanceof GraphBuilder ? modelOf(source) : source;
  const weights = [...graph.weights.values()];
  const total = weights.reduce((sum, { bytes }) => sum + bytes, 0);
  const dataPath = `${path}.data`;
  const external = total > (options.externalDataThreshold ?? defaultExternalDataThreshold);
  const places = external ? placeExternally(weights, basename(dataPath)) : new Map<OnnxWeight, ExternalPlace>();
  const model = encodeModel(graph, options.producer, places);
  if (model.bytes > protobufLimit) {
    throw new ConchError(
      'ONNX_INVALID',
      `${path}: ${model.bytes} bytes in one file, but an ONNX file must stay below 2 GiB`,
      { where: { file: path }, fix: 'lower externalDataThreshold so that the weights go to a file of their own' },
    );
  }
  let written = 0;
  const report = (bytes: number) => {
    written += bytes;
    options.onProgress?.(written, total);
  };
  const suffix = `.${randomBytes(6).toString('hex')}.tmp`;
  const finished: [temporary: string, final: string][] = [];
  let bytes = 0;
  try {
    if (places.size > 0) {
      finished.push([dataPath + suffix, dataPath]);
      bytes += await writeFile(dataPath + suffix, async (file) => {
        for (const [initializer, place] of places) {
          await file.padTo(place.offset);
          await writePayload(file, initializer, report);
        }
      });
    }
    finished.push([path + suffix, path]);
    bytes += await writeFile(path + suffix, async (file) => {
      for (const part of model.parts) {
        if (part instanceof Uint8Array) await file.write(part);
        else await writePayload(file, part, report);
      }
    });
    for (const [temporary, final] of finished) await rename(temporary, final);
  } catch (error) {
    await Promise.all(finished.map(([temporary]) => rm(temporary, { force: true })));
    throw error;
  }
  return { files: finished.map(([, final]) => basename(final)).reverse(), bytes };
}

function placeExternally(initializers: readonly OnnxWeight[], location: string): Map<OnnxWeight, ExternalPlace> {
  const places = new Map<OnnxWeight, ExternalPlace>();
  let end = 0;
  for (const initializer of initializers) {
    if (initializer.bytes < externalMinimum) continue;
    const page = initializer.bytes >= largeTensorBytes ? largePageBytes : pageBytes;
    const offset = Math.ceil(end / page) * page;
    places.set(initializer, { location, offset });
    end = offset + initializer.bytes;
  }
  return places;
}

async function writePayload(file: BufferedFile, initializer: OnnxWeight, report: (bytes: number) => void) {
  let came = 0;
  for await (const chunk of initializer.read()) {
    came += chunk.length;
    if (came > initializer.bytes) break;
    await file.write(chunk);
    report(chunk.length);
  }
  if (came !== initializer.bytes) {
    throw new ConchError(
      'ONNX_INVALID',
      `initializer '${initializer.name}' of shape [${initializer.shape}] needs ${initializer.bytes} bytes, ` +
        `its source gave ${came > initializer.bytes ? `${came} or more` : came}`,
      { where: { path: initializer.name } },
    );
  }
}

async function writeFile(path: string, fill: (file: BufferedFile) => Promise<void>): Promise<number> {
  const handle = await open(path, 'wx');
  try {
    const file = new BufferedFile(handle);
    await fill(file);
    await file.flush();
    await handle.datasync();
    return file.position;
  } finally {
    await handle.close();
  }
}

/** Gathers small writes; chunks of the buffer's size and more go straight to the file. */
class BufferedFile {
  position = 0;
  readonly #handle: FileHandle;
  readonly #buffer = new Uint8Array(1 << 18);
  #used = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.position += bytes.length;
    if (this.#used + bytes.length > this.#buffer.length) await this.flush();
    if (bytes.length >= this.#buffer.length) return this.#writeAll(bytes);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  async padTo(offset: number): Promise<void> {
    await this.write(new Uint8Array(offset - this.position));
  }

  async flush(): Promise<void> {
    await this.#writeAll(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done)).bytesWritten;
    }
  }
}
