import type { Diagnostic } from '../../base/index.ts';
import type { Datatype } from '../../tensor/index.ts';
import type { ModelConfig } from '../generated.ts';

/** A model's own signature, for ONNX Runtime's auto-complete; `OnnxSummary` of `src/onnx` fits. */
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

/**
 * A configuration as a Python model's `auto_complete_config` returned it. Triton takes these fields from it and ignores
 * whatever else the model may have changed.
 */
export type PythonCompletion = Pick<
  ModelConfig,
  | 'max_batch_size'
  | 'input'
  | 'output'
  | 'dynamic_batching'
  | 'sequence_batching'
  | 'ensemble_scheduling'
  | 'model_transaction_policy'
>;

/** What completing a configuration depends on besides the configuration. */
export interface CompletionContext {
  /** The model's folder name, which a blank `name` takes. */
  readonly modelName: string;
  /** Names in the first version folder, for backend detection; a folder's name may end in `/`. */
  readonly versionFiles?: readonly string[];
  /** Ids of the GPUs that the server can use; none or absent: a CPU host. */
  readonly gpus?: readonly number[];
  /** Needed for ONNX Runtime's auto-complete; without it that step is left out. */
  readonly onnx?: OnnxSignature;
  /** Needed for a Python model's auto-complete; without it that step is left out. */
  readonly python?: PythonCompletion;
  /** False stands for `--disable-auto-complete-config`. */
  readonly autoComplete?: boolean;
  /** `--backend-config=default-max-batch-size=N`, 4 unless given. */
  readonly defaultMaxBatchSize?: number;
}

/** One value that Triton set, and why. */
export interface CompletionChange {
  readonly path: string;
  /**
   * The server filling blanks, the model file as the backend reads it, the backend's own choice, a default that the
   * server writes out, or a flag that the server was started with.
   */
  readonly by: 'server' | 'file' | 'backend' | 'default' | 'flag';
  readonly reason: string;
}

/** Why Triton refuses a model while it completes its configuration. */
export const completionRules = {
  'complete/no-backend': 'Neither the configuration, nor the files, nor the name tell which backend runs the model.',
  'complete/not-batchable': 'The configuration asks for batches but the model has no dynamic first dimension.',
  'complete/not-a-tensor': 'The model has an input or output that Triton cannot carry.',
  'complete/python-clash': "A Python model's auto_complete_config changes the scheduler that the configuration chose.",
} as const;

/** A configuration in the course of completion: its values, who set them, and what went wrong. */
export class Completion {
  readonly config: ModelConfig;
  readonly context: CompletionContext;
  readonly changes: CompletionChange[] = [];
  readonly problems: Diagnostic[] = [];

  constructor(config: ModelConfig, context: CompletionContext) {
    this.config = structuredClone(config);
    this.context = context;
  }

  /** The backend, as far as it is known. */
  get backend(): string {
    return this.config.backend ?? '';
  }

  changed(path: string, by: CompletionChange['by'], reason: string): void {
    this.changes.push({ path, by, reason });
  }

  refuse(code: keyof typeof completionRules, path: string, message: string, fix: string): void {
    const model = this.config.name || this.context.modelName;
    this.problems.push({ code, severity: 'error', message, model, where: { path }, fix: { text: fix } });
  }
}
