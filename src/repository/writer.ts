import { ConchError } from '../base/index.ts';
import type { ModelEntry } from './entry.ts';
import type { Manifest } from './manifest.ts';

export interface VersionParts {
  /** The text of config.pbtxt. */
  config: string;
  /** Lines by label file name, as `label_filename` in the config names it. */
  labels?: Record<string, readonly string[]>;
  manifest: Omit<Manifest, 'artifacts'>;
}

export interface VersionWriter {
  /** A temporary folder that becomes the version folder: write files into it. */
  dir: string;
  modelDir: string;
  commit(parts: VersionParts): Promise<ModelEntry>;
  abort(): Promise<void>;
}

export function beginVersion(
  _root: string,
  _name: string,
  _version: number,
  _options: { force?: boolean } = {},
): Promise<VersionWriter> {
  throw new ConchError('INTERNAL', 'not written yet');
}

export function isUpToDate(_root: string, _name: string, _version: number, _inputsHash: string): Promise<boolean> {
  throw new ConchError('INTERNAL', 'not written yet');
}
