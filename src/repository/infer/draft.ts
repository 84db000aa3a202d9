import type { CompletionChange, ModelConfig, ModelInput, ModelOutput } from '../../config/index.ts';

/** A value that nothing at hand tells, and that a person has to write. */
export interface Gap {
  /** Where in the config: `input`, `input[0]` or `input[0].dims`. */
  readonly path: string;
  /** What belongs there, and why it could not be told; reads on from "fill in". */
  readonly needs: string;
}

/** A configuration in the course of being inferred: what was found, by whom it was said, and what stays open. */
export class Draft {
  readonly config: ModelConfig;
  readonly changes: CompletionChange[] = [];
  readonly notes: string[] = [];
  readonly gaps: Gap[] = [];

  constructor(written: ModelConfig) {
    this.config = structuredClone(written);
  }

  lacks(side: 'input' | 'output'): boolean {
    const batchInputs = side === 'input' ? (this.config.batch_input ?? []).length : 0;
    return (this.config[side] ?? []).length + batchInputs === 0;
  }

  get isIncomplete(): boolean {
    return this.lacks('input') || this.lacks('output');
  }

  set<K extends 'max_batch_size' | 'dynamic_batching' | 'input' | 'output'>(
    name: K,
    value: ModelConfig[K],
    by: CompletionChange['by'],
    reason: string,
  ): void {
    this.config[name] = value;
    this.changes.push({ path: name, by, reason });
  }

  /** Fills a side that the configuration leaves empty. */
  fill(side: 'input' | 'output', tensors: readonly (ModelInput & ModelOutput)[], reason: string): void {
    if (this.lacks(side) && tensors.length > 0) this.set(side, [...tensors], 'file', reason);
  }

  /** Opens a gap, unless one is open there or around it. */
  open(path: string, needs: string): void {
    const isKnown = this.gaps.some((gap) => path === gap.path || path.startsWith(`${gap.path}.`));
    if (!isKnown || path === 'input') this.gaps.push({ path, needs });
  }
}
