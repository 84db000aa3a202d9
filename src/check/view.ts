import type { ModelConfig } from '../config/index.ts';
import type { Target } from '../onnx/index.ts';
import type { ModelEntry, ModelRepository, ModelVersion } from '../repository/index.ts';

/** What is known about the machine that will serve; unknown facts are left out, and rules that need them stay silent. */
export interface Host {
  /** Ids of usable GPUs; an empty list is a machine without. */
  readonly gpus?: readonly number[];
  /** CUDA compute capability of those GPUs, e.g. `8.9`. */
  readonly computeCapability?: string;
  /** Processor cores for CPU instances. */
  readonly cores?: number;
  /** Backends installed beside those of the target's image. */
  readonly backends?: readonly string[];
}

export interface ModelView {
  readonly name: string;
  readonly entry: ModelEntry;
  readonly written: ModelConfig;
  readonly config: ModelConfig;
  readonly versions: readonly ModelVersion[];
  readonly repository: RepositoryView;
}

export interface RepositoryView {
  readonly source: ModelRepository;
  readonly target: Target;
  readonly host: Host;
  readonly models: ReadonlyMap<string, ModelView>;
}
