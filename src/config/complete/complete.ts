import { ConchError, type Diagnostic } from '../../base/index.ts';
import type { Datatype } from '../../tensor/index.ts';
import type { ModelConfig } from '../generated.ts';

/** What ONNX Runtime's auto-complete looks at; `OnnxSummary` of `src/onnx` fits. */
export interface OnnxSignature {
  readonly inputs: readonly OnnxSignatureTensor[];
  readonly outputs: readonly OnnxSignatureTensor[];
}
export interface OnnxSignatureTensor {
  readonly name: string;
  /** Undefined: not a tensor (a sequence or map), or an element type that Triton lacks. */
  readonly datatype: Datatype | undefined;
  /** A number, or a symbolic name or undefined for a dynamic dimension; undefined as a whole: rank unknown. */
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

export interface CompletionContext {
  readonly modelName: string;
  /** Names in the first version folder, for backend detection; a folder's name may end in `/`. */
  readonly versionFiles?: readonly string[];
  /** Ids of the GPUs that the server can use; none: a CPU host. */
  readonly gpus?: readonly number[];
  /** The model's own signature, for ONNX Runtime's auto-complete. */
  readonly onnx?: OnnxSignature;
}

export interface CompletionChange {
  readonly path: string;
  readonly by: 'server' | 'backend' | 'default';
  readonly reason: string;
}

export interface CompletedConfig {
  readonly config: ModelConfig;
  readonly changes: CompletionChange[];
  /** Why Triton would refuse the model while completing it; empty when it would go on. */
  readonly problems: Diagnostic[];
}

export function completeConfig(_config: ModelConfig, _context: CompletionContext): CompletedConfig {
  throw new ConchError('INTERNAL', 'completeConfig is being built');
}
