import { join } from 'node:path';
import { ConchError, formatBytes, hashValue, type Progress, type ProgressTask, toConchError } from '../base/index.ts';
import { type ModelConfig, printConfig } from '../config/index.ts';
import type { Target } from '../onnx/index.ts';
import { beginVersion, editedByHand, isUpToDate, type Manifest, readModel } from '../repository/index.ts';
import type { CompiledTensor } from './compiled.ts';
import type { GateReport } from './gate/gate.ts';
import { keepRejected } from './gate/rejected.ts';

/** What every compile step shares: where it writes, for what, and how it reports. */
export interface CompileContext {
  /** Absolute folder of the model repository. */
  readonly repository: string;
  readonly target: Target;
  /** Absolute folder that the deployment's relative paths start from. */
  readonly baseDir: string;
  /** Build even what is up to date, and over hand-edited configurations. */
  readonly force: boolean;
  readonly toolVersion: string;
  /** The Python for steps that need PyTorch, instead of the one that is found. */
  readonly python?: string | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** One version of one model, as data plus the step that writes its files. */
export interface ArtifactPlan {
  readonly name: string;
  readonly version: number;
  /** Bumped when the step's output changes for the same inputs, so that old artifacts are built again. */
  readonly recipe: number;
  /** What it is made from: labels to content hashes. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Settings that shape the result; anything JSON. */
  readonly settings: unknown;
  readonly source: Manifest['source'];
  /** Writes the version's files into `dir`. */
  build(dir: string, task: ProgressTask): Promise<BuiltArtifact>;
}

export interface BuiltArtifact {
  readonly config: ModelConfig;
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  readonly tensors: { readonly inputs: readonly CompiledTensor[]; readonly outputs: readonly CompiledTensor[] };
  /** The comparison with the source; a version that misses its limits is put aside, and what was there stays. */
  readonly gate?: GateReport | undefined;
  /** Further facts for the manifest, e.g. opset and parameter count. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** The outcome for one model. */
export interface MadeModel {
  readonly name: string;
  readonly version: number;
  readonly action: 'built' | 'unchanged';
  /** Files of an unchanged model that were edited by hand since it was built, and are kept as they are. */
  readonly edited: readonly string[];
  /** Size of the version's files together, bytes. */
  readonly bytes: number;
  readonly milliseconds: number;
  readonly manifest: Manifest;
}

/**
 * Builds one version unless its inputs, settings and files are those of the last build. The version is written aside
 * and swapped in whole, so that a failure leaves the previous one serving.
 */
export async function makeArtifact(context: CompileContext, plan: ArtifactPlan): Promise<MadeModel> {
  const from = performance.now();
  context.signal?.throwIfAborted();
  const task = context.progress.start(plan.name);
  const made = (action: MadeModel['action'], manifest: Manifest, edited: readonly string[] = []): MadeModel => {
    const bytes = Object.values(manifest.artifacts).reduce((sum, file) => sum + file.size, 0);
    task.done(action === 'built' ? formatBytes(bytes) : 'unchanged');
    const milliseconds = performance.now() - from;
    return { name: plan.name, version: plan.version, action, edited, bytes, milliseconds, manifest };
  };
  try {
    const { name, version, recipe, inputs, settings } = plan;
    const inputsHash = hashValue({
      name,
      version,
      recipe,
      inputs,
      settings,
      target: context.target.name,
      tool: context.toolVersion,
    });
    if (!context.force && (await isUpToDate(context.repository, name, version, inputsHash))) {
      const entry = await readModel(join(context.repository, name));
      if (entry.manifest) return made('unchanged', entry.manifest, await editedByHand(entry));
    }
    const writer = await beginVersion(context.repository, name, version, { force: context.force });
    try {
      const built = await plan.build(writer.dir, task);
      if (built.gate && !built.gate.passed) throw await rejected(context, plan, writer.dir, built.gate);
      const entry = await writer.commit({
        config: printConfig(built.config),
        ...(built.labels && { labels: Object.fromEntries(Object.entries(built.labels).map(([k, v]) => [k, [...v]])) }),
        manifest: {
          format: 1,
          name,
          version,
          inputsHash,
          inputs: { ...inputs },
          tool: { name: 'conch-triton', version: context.toolVersion, node: process.version },
          target: context.target.name,
          created: new Date().toISOString(),
          source: plan.source,
          tensors: built.tensors,
          ...(built.gate && { gate: built.gate }),
          ...built.facts,
        },
      });
      return made('built', entry.manifest!);
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } catch (error) {
    task.fail();
    if (context.signal?.aborted || error instanceof ConchError) throw error;
    throw new ConchError('COMPILE_FAILED', `${plan.name}: ${toConchError(error).message}`, { cause: error });
  }
}

/** Puts the version aside; the error says which limits it missed, where it first departs, and where it lies. */
async function rejected(
  context: CompileContext,
  { name, version }: ArtifactPlan,
  dir: string,
  report: GateReport,
): Promise<ConchError> {
  const place = await keepRejected(context.repository, { name, version, dir }, report);
  const { departure } = report;
  const where = departure
    ? `; it first departs at ${departure.operator} '${departure.node}' (relative error ${departure.relativeError.toPrecision(2)})`
    : '';
  // ONNX Runtime's sums of INT8 products overflow on processors with AVX2 and no VNNI (docs/precision.md).
  const narrower = /^int8(-static)?$/.test(report.precision)
    ? ' (for INT8 on a processor without VNNI: reduce_range)'
    : '';
  return new ConchError('ACCURACY_MISSED', `${name} in ${report.precision}: ${report.missed.join('; ')}${where}`, {
    where: { file: place },
    fix: `see gate.json there; use another precision${narrower}, or set limits of your own (gate) in the deployment`,
  });
}
