import type { Progress } from '../base/index.ts';
import type { Datatype } from '../tensor/index.ts';

export interface SafetensorsTensor {
  readonly name: string;
  readonly dtype: string;
  readonly datatype: Datatype | undefined;
  readonly shape: readonly number[];
  readonly bytes: number;
}
export interface SafetensorsFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  read(name: string): AsyncIterable<Uint8Array>;
}
export interface Checkpoint {
  readonly dir: string;
  /** config.json's `architectures[0]`, or what the model_type and the tensors imply. */
  readonly architecture: string;
  readonly modelType: string;
  /** config.json as read. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly labels: readonly string[];
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Files that were read for config and weights, relative to `dir`. */
  readonly files: readonly string[];
  read(name: string): AsyncIterable<Uint8Array>;
}
export function openSafetensors(path: string): Promise<SafetensorsFile> {
  throw new Error(path);
}
export function openCheckpoint(dir: string): Promise<Checkpoint> {
  throw new Error(dir);
}
export function resolveCheckpoint(
  source: string,
  _options: {
    revision?: string;
    cacheDir?: string;
    token?: string;
    offline?: boolean;
    progress: Progress;
    baseDir?: string;
  },
): Promise<{ dir: string; source: string; revision?: string }> {
  throw new Error(source);
}
