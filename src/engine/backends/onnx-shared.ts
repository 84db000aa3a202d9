import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { env, type InferenceSession } from 'onnxruntime-node';
import { type ConchError, hashValue, type Logger, toConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { OnnxSummary } from '../../onnx/index.ts';
import { parameterError, parameterOf } from '../parameters.ts';
import { DerivedCache } from './derived-cache.ts';

/** Bytes of a model from which sharing is worth a file of about twice that size. */
const worthwhileBytes = 16 << 20;
/** Bytes of all cached weights together. */
const mostCachedBytes = 16 * 2 ** 30;
const weights = 'weights.data';
const smallestExternal = 256;

/** How a model's sessions are opened. */
export interface OnnxFile {
  readonly path: string;
  readonly options: InferenceSession.SessionOptions;
}

/** A form of the model whose weights all sessions that open it have in common. */
export interface SharedModel {
  readonly file: OnnxFile;
  /** Forgets it, after it proved unusable. */
  discard(): Promise<void>;
  /** Lets the cache remove it when it needs room. */
  release(): void;
}

const caches = new Map<string, DerivedCache>();

/**
 * Whether a model's instances are to share their weights: `conch.shared_weights` = `1` or `0`, else where there is more
 * than one and the model is large. Not where the config itself says how ONNX Runtime is to write an optimised model.
 */
export function sharesWeights(config: ModelConfig, instances: number, bytes: number): boolean {
  const value = parameterOf(config, 'conch.shared_weights');
  if (value !== undefined && value !== '0' && value !== '1')
    throw parameterError('conch.shared_weights', value, "'0' or '1'");
  const own = Object.keys(config.parameters ?? {}).some((key) => key.startsWith('session.optimized_model_'));
  return !own && (value === undefined ? instances > 1 && bytes >= worthwhileBytes : value === '1');
}

/**
 * ONNX Runtime gives every session a copy of the weights, and another of those that it packs for its kernels. This
 * writes the optimised model with its packed weights to a cache once, from where all sessions, of other processes too,
 * map the same memory. What lies there holds for this processor and runtime only. Undefined, with a warning, when that
 * cannot be done; the model then runs as it is.
 */
export async function shareWeights(
  file: OnnxFile,
  onnx: OnnxSummary,
  bytes: number,
  context: {
    readonly directory: string;
    readonly model: string;
    readonly logger: Logger;
    /** Opens a session with these options and closes it again. */
    readonly openOnce: (file: OnnxFile) => Promise<void>;
  },
): Promise<SharedModel | undefined> {
  const { directory, model, logger, openOnce } = context;
  const root = join(directory, 'onnx');
  const cache = caches.get(root) ?? new DerivedCache(root, mostCachedBytes);
  caches.set(root, cache);
  try {
    const content = await cache.contentOf(modelFiles(file.path, onnx));
    const { graphOptimizationLevel: level, extra } = file.options;
    const key = hashValue({ content, level, extra, runtime: env.versions, machine: machine() }).slice('sha256:'.length);
    const dir = await cache.entry(key, async (draft) => {
      await requireRoom(directory, 3 * bytes);
      const start = performance.now();
      await openOnce({ path: file.path, options: writing(file.options, draft) });
      logger.info({ model, seconds: (performance.now() - start) / 1000 }, 'weights written for instances to share');
    });
    return {
      // It has been optimised already.
      file: { path: join(dir, 'model.onnx'), options: { ...file.options, graphOptimizationLevel: 'disabled' } },
      discard: () => cache.discard(key),
      release: () => cache.release(key),
    };
  } catch (thrown) {
    warnUnshared(logger, model, toConchError(thrown));
    return undefined;
  }
}

export function warnUnshared(logger: Logger, model: string, error: ConchError): void {
  logger.warn({ model, reason: error.message }, 'its instances cannot share weights, each keeps its own');
}

function writing(options: InferenceSession.SessionOptions, dir: string): InferenceSession.SessionOptions {
  return {
    ...options,
    optimizedModelFilePath: join(dir, 'model.onnx'),
    extra: {
      ...options.extra,
      'session.optimized_model_external_initializers_file_name': weights,
      'session.optimized_model_external_initializers_min_size_in_bytes': `${smallestExternal}`,
      'session.save_external_prepacked_constant_initializers': '1',
    },
  };
}

/** The model's file and those with its weights; throws when one lies elsewhere. */
function modelFiles(path: string, onnx: OnnxSummary): string[] {
  const folder = dirname(path);
  const external = onnx.externalFiles.map((location) => resolve(folder, location));
  const outside = external.find((other) => !other.startsWith(folder + sep));
  if (outside) throw new Error(`its weights ${outside} lie outside its folder`);
  return [path, ...external];
}

async function requireRoom(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < bytes) throw new Error(`${directory} has ${bavail * bsize} bytes left, ${bytes} are needed`);
}

/** What packed weights hang on: the processor's kind and, where the system tells, its features. */
function machine(): unknown {
  let features = '';
  try {
    features = /^(flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[2] ?? '';
  } catch {
    // Not Linux.
  }
  return [process.platform, process.arch, cpus()[0]?.model, features];
}
