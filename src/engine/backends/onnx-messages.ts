import type { ErrorCode } from '../../base/index.ts';
import type { OnnxTensor } from './onnx-types.ts';

/** What a worker thread is started with. */
export interface WorkerStart {
  readonly path: string;
  readonly options: object;
  /** A count of what the thread has been given and not finished; see `exit.ts`. */
  readonly busy: Int32Array;
}

/** To the worker. */
export type WorkerCommand =
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly inputs: readonly OnnxTensor[];
      readonly outputs: readonly string[];
    }
  | { readonly kind: 'close' };

/** From the worker. Errors cross as their parts: a thrown object would lose its class on the way. */
export type WorkerReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly error: WorkerError }
  | { readonly kind: 'done'; readonly id: number; readonly outputs: readonly OnnxTensor[] }
  | { readonly kind: 'failed'; readonly id: number; readonly error: WorkerError };

export interface WorkerError {
  readonly code: ErrorCode;
  readonly message: string;
}
