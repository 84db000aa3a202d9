import { ConchError, type Progress } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { ValidationReport } from './report.ts';

export interface ValidateOptions {
  readonly client: InferenceClient;
  readonly model: string;
  readonly version?: string;
  /** Path of the reference: one JSON object a line, `{"text", "logits", "label"?}` or `{"inputs", "outputs"}`. */
  readonly expect: string;
  /** Largest absolute error that passes; 1e-4 unless told otherwise. */
  readonly tolerance?: number;
  /** Requests in flight; 8 unless told otherwise. */
  readonly concurrency?: number;
  /** Class labels in the order of the logits; asked of the server where not given. */
  readonly labels?: readonly string[];
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export async function validate(_options: ValidateOptions): Promise<ValidationReport> {
  throw new ConchError('NOT_SUPPORTED', 'validate is being written');
}
