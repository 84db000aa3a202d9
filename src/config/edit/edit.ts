import { ConchError } from '../../base/index.ts';

export interface ConfigEdit {
  /** As in `ParsedConfig.at`, e.g. `dynamic_batching.max_queue_delay_microseconds` or `parameters["k"].value.string_value`. */
  readonly path: string;
  /** The new value in the shape of `ModelConfig`; undefined removes what is there. */
  readonly value: unknown;
}

export function editConfig(_text: string, _edits: readonly ConfigEdit[]): string {
  throw new ConchError('INTERNAL', 'editConfig is being built');
}

export function formatConfig(_text: string): string {
  throw new ConchError('INTERNAL', 'formatConfig is being built');
}
