import { ConchError, type Diagnostic } from '../../base/index.ts';
import type { ModelConfig } from '../generated.ts';

/** A range of a config's text. Lines and columns count from 1, offsets from 0; columns and offsets are UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly start: number;
  readonly end: number;
}

export interface ParsedConfig {
  readonly config: ModelConfig;
  readonly diagnostics: Diagnostic[];
  readonly text: string;
  readonly file?: string;
  at(path: string): Position | undefined;
  nearest(path: string): Position | undefined;
}

export function parseConfig(_text: string | Uint8Array, _file?: string): ParsedConfig {
  throw new ConchError('INTERNAL', 'parseConfig is being built');
}
