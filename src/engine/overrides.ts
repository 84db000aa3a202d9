import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { ConchError, toConchError } from '../base/index.ts';
import { configFromJson, type ModelConfig } from '../config/index.ts';
import type { ModelPlace } from './model-on-disk.ts';

/** What a load request brings with it in place of what is on disk. */
export interface LoadOverrides {
  /** The configuration as JSON text, in place of the file. */
  readonly config?: string | undefined;
  /** Contents by path below the model's folder (`1/model.onnx`); the repository is not looked at then. Needs `config`. */
  readonly files?: ReadonlyMap<string, Uint8Array> | undefined;
}

/**
 * Where a model with overrides is read from: its folder with another config, or a private temporary folder that holds
 * the given files. Throws MODEL_LOAD_FAILED (INTERNAL, as Triton) for what cannot be made a model.
 */
export async function placeOf(
  name: string,
  { config: text, files }: LoadOverrides,
  dirOf: () => Promise<string>,
): Promise<ModelPlace> {
  const config = text === undefined ? undefined : readConfig(name, text);
  if (!files?.size) return { dir: await dirOf(), config };
  if (!config) throw refused(name, "files are given without 'config', which then is mandatory");
  const paths = new Map([...files].map(([path, bytes]) => [contained(name, path), bytes] as const));
  const root = await mkdtemp(join(tmpdir(), 'conch-model-'));
  const dispose = () => rm(root, { recursive: true, force: true });
  const dir = join(root, name);
  try {
    await mkdir(dir);
    for (const [path, bytes] of paths) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), bytes, { flag: 'wx' });
    }
  } catch (thrown) {
    await dispose();
    throw refused(name, `its files cannot be written: ${toConchError(thrown).message}`);
  }
  return { dir, config, dispose };
}

function readConfig(name: string, text: string): ModelConfig {
  try {
    return configFromJson(text);
  } catch (thrown) {
    throw refused(name, `the 'config' given with the request: ${toConchError(thrown).message}`, thrown);
  }
}

/** A path that stays below the model's folder. */
function contained(name: string, path: string): string {
  const normal = posix.normalize(path);
  const leaves = normal === '..' || normal.startsWith('../') || posix.isAbsolute(path) || /[\0\\]/.test(path);
  if (!leaves && normal !== '.' && !normal.endsWith('/')) return normal;
  throw refused(name, `'file:${path}' is not a file below the model's folder`);
}

function refused(name: string, why: string, cause?: unknown): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', `model '${name}' cannot be loaded: ${why}`, { status: 'INTERNAL', cause });
}
