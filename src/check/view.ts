import { type CompletedConfig, type ModelConfig, toInteger } from '../config/index.ts';
import type { OnnxSummary, Target } from '../onnx/index.ts';
import {
  completeModel,
  dataPath,
  decoupledMember,
  type ModelEntry,
  type ModelRepository,
  type ModelVersion,
  selectVersions,
  servedVersions,
} from '../repository/index.ts';

/** What is known about the machine that will serve; rules that need an unknown fact say so or stay silent. */
export interface Host {
  /** Ids of usable GPUs; an empty list is a machine without any. */
  readonly gpus?: readonly number[];
  /** CUDA compute capability of those GPUs, e.g. `8.9`. */
  readonly computeCapability?: string;
  /** Processor cores for CPU instances. */
  readonly cores?: number;
  /** Backends installed beside those of Triton's own image. */
  readonly backends?: readonly string[];
}

export interface RepositoryView {
  readonly source: ModelRepository;
  readonly target: Target;
  readonly host: Host;
  readonly models: ReadonlyMap<string, ModelView>;
  /** Ensembles that contain themselves, directly or through others. */
  readonly circular: ReadonlySet<string>;
  /** By ensemble, as far as they were looked for: the member that makes it decoupled, empty where none does. */
  readonly decoupledMembers: Map<string, string>;
  /** Why Triton refuses a model; undefined while it is thought to load. Complete for the members of an ensemble. */
  refusal(name: string): Refusal | undefined;
}

/** The first cause of a refusal: the model at fault, which for an ensemble may be a member, and what is wrong with it. */
export interface Refusal {
  readonly model: string;
  readonly message: string;
}

/** A version together with the header of its ONNX model. */
export interface OnnxVersion {
  readonly version: ModelVersion;
  readonly summary: OnnxSummary;
}

/** What a rule sees of one model. Everything derived is computed once, when first asked for. */
export class ModelView {
  readonly repository: RepositoryView;
  readonly entry: ModelEntry;
  /** The name by which Triton knows it: its folder's. */
  readonly name: string;
  /** As config.pbtxt has it; empty when there is none. */
  readonly written: ModelConfig;
  #completed: CompletedConfig | undefined;
  #versions: readonly ModelVersion[] | undefined;
  #onnx: readonly OnnxVersion[] | undefined;

  constructor(entry: ModelEntry, repository: RepositoryView) {
    this.entry = entry;
    this.repository = repository;
    this.name = entry.name;
    this.written = entry.parsed?.config ?? {};
  }

  /** Whether Triton can read the config at all; nothing else is judged when it cannot. */
  get parses(): boolean {
    return !this.entry.parsed?.diagnostics.some((one) => one.severity === 'error');
  }

  get isEnsemble(): boolean {
    return this.written.platform === 'ensemble' || this.written.ensemble_scheduling !== undefined;
  }

  /** The config as Triton would complete it, with what stood in the way. */
  get completed(): CompletedConfig {
    const { gpus } = this.repository.host;
    this.#completed ??= completeModel(this.entry, gpus === undefined ? {} : { gpus });
    return this.#completed;
  }

  /** The config that Triton would serve with. */
  get config(): ModelConfig {
    return this.completed.config;
  }

  /** The backend that runs it; empty for ensembles and where Triton cannot tell. */
  get backend(): string {
    return this.isEnsemble ? '' : (this.config.backend ?? '');
  }

  /** Whether the backend fills `input` or `output` from what only it can read, so that an empty list means "unknown". */
  leavesOpen(kind: 'input' | 'output'): boolean {
    return (this.config[kind] ?? []).length === 0 && this.#mayComplete();
  }

  /** Whether it answers a request with any number of responses; for ensembles that follows from the members. */
  get isDecoupled(): boolean {
    if (this.isEnsemble) return this.decoupledMember !== undefined;
    return this.config.model_transaction_policy?.decoupled ?? false;
  }

  /** The first member that makes an ensemble decoupled, looked for through nested ensembles. */
  get decoupledMember(): string | undefined {
    const { decoupledMembers, models } = this.repository;
    return decoupledMember(this.entry, (name) => models.get(name)?.entry, decoupledMembers);
  }

  get maxBatchSize(): number {
    return toInteger(this.config.max_batch_size);
  }

  /** Whether every input and output has a batch dimension in front of its dims. */
  get batches(): boolean {
    return this.maxBatchSize > 0;
  }

  /** Versions that the policy selects, ascending. */
  get versions(): readonly ModelVersion[] {
    this.#versions ??= servedVersions(this.entry);
    return this.#versions;
  }

  /** Which of these version numbers the policy would select. */
  selects(numbers: readonly number[]): number[] {
    return selectVersions(this.written, numbers);
  }

  /** The selected versions that ONNX Runtime would open and whose header could be read. */
  get onnx(): readonly OnnxVersion[] {
    this.#onnx ??= this.versions.flatMap((version) =>
      version.onnx && this.backend === 'onnxruntime' ? [{ version, summary: version.onnx }] : [],
    );
    return this.#onnx;
  }

  /** Whether the backend fills in what single tensors lack. ONNX Runtime does not: it adds whole lists, or nothing. */
  get completesTensors(): boolean {
    return this.#mayComplete() && this.backend !== 'onnxruntime';
  }

  #mayComplete(): boolean {
    if (this.isEnsemble || this.backend === 'pytorch' || this.backend === '') return false;
    if (this.backend !== 'python') return true;
    // Only a model.py that has this function adds tensors; without it the model has none.
    const file = this.config.default_model_filename || 'model.py';
    const text = this.entry.dataFiles[dataPath(this.versions.at(-1)?.folder ?? '', file)]?.content;
    return text === undefined || Buffer.from(text).includes('auto_complete_config');
  }
}
