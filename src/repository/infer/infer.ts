import { join } from 'node:path';
import { ConchError, type Diagnostic } from '../../base/index.ts';
import { type CompletedConfig, type CompletionChange, completeConfig, type ModelConfig } from '../../config/index.ts';
import type { OnnxSummary } from '../../onnx/index.ts';
import { type CompletionHost, completionContext, servedVersions } from '../completion.ts';
import type { ModelEntry, ModelVersion } from '../entry.ts';
import { readTorchScript } from '../torchscript/archive.ts';
import { Draft, type Gap } from './draft.ts';
import { inferFromManifest } from './manifest.ts';
import { modelFile } from './model-file.ts';
import { explainBatching } from './onnx.ts';
import { autoCompleteFile, type PythonRun, runAutoComplete } from './python.ts';
import { inferFromTorchScript } from './torchscript.ts';

export interface InferOptions extends Omit<CompletionHost, 'python'> {
  /** The batch size to configure where the configuration gives none. */
  readonly maxBatchSize?: number;
  /** Allows a Python model's `auto_complete_config` to be executed. */
  readonly python?: PythonRun;
}

/** A configuration that leaves nothing for Triton to guess, as far as it could be found out. */
export interface Inference {
  /** What config.pbtxt held, and what was added. Defaults that depend on the host are not written out. */
  readonly config: ModelConfig;
  /** What was added, in order. Empty when nothing was missing. */
  readonly changes: readonly CompletionChange[];
  /** How it was found out: one sentence each. */
  readonly notes: readonly string[];
  /** What a person has to fill in before Triton takes the model. */
  readonly gaps: readonly Gap[];
}

/**
 * Works out the full configuration of a model (read with `inspect`) from its files: the ONNX header, conch.json, the
 * TorchScript archive, or a Python model's `auto_complete_config` where that may run. Nothing is written.
 *
 * @throws CONFIG_INVALID for a configuration that cannot be parsed or completed, the errors of the files it reads, and
 * USAGE for a Python model that would have to run.
 */
export async function inferConfig(entry: ModelEntry, options: InferOptions = {}): Promise<Inference> {
  const { maxBatchSize, python, ...host } = options;
  const [broken] = (entry.parsed?.diagnostics ?? []).filter((one) => one.severity === 'error');
  if (broken !== undefined) throw errorOf(broken, entry);
  if (entry.versions.length === 0)
    throw new ConchError('REPOSITORY_INVALID', `${entry.dir} holds no version folder`, {
      where: { file: entry.dir },
      fix: 'put the model file into a folder 1/',
    });
  const written = entry.parsed?.config ?? {};
  const draft = new Draft(written);
  const context = { ...completionContext(entry, host), ...(maxBatchSize === 0 && { defaultMaxBatchSize: 0 }) };
  const known = refuse(completeConfig(written, { ...context, autoComplete: false }), entry).config;
  if (maxBatchSize !== undefined && maxBatchSize > 0 && !written.max_batch_size)
    draft.set('max_batch_size', maxBatchSize, 'flag', '--max-batch-size');

  const backend = known.backend ?? '';
  const version = servedVersions(entry).at(-1);
  let completion: CompletionHost['python'];
  if (backend === 'onnxruntime' && draft.isIncomplete) requireOnnx(version, entry, known);
  else if (draft.isIncomplete && entry.manifest !== undefined) inferFromManifest(draft, entry.manifest);
  if (backend === 'pytorch' && draft.isIncomplete && known.platform === 'pytorch_libtorch') {
    const file = modelFile(entry, known.default_model_filename || 'model.pt');
    inferFromTorchScript(draft, await readTorchScript(join(entry.dir, file)), file);
  }
  if (backend === 'python') {
    const given = completeConfig(draft.config, { ...context, autoComplete: false }).config;
    completion = await inferFromPython(draft, entry, given, python);
  }

  const completed = refuse(
    completeConfig(draft.config, { ...context, ...(completion && { python: completion }) }),
    entry,
  );
  if (backend === 'onnxruntime' && version?.onnx && draft.isIncomplete)
    draft.notes.push(...explainBatching(version.onnx, draft.config, completed.config));
  return finish(draft, completed, backend, written, version?.onnx);
}

/** What `auto_complete_config` returned. Undefined where the model has no such function, or it need not run. */
async function inferFromPython(
  draft: Draft,
  entry: ModelEntry,
  given: ModelConfig,
  python: PythonRun | undefined,
): Promise<CompletionHost['python']> {
  const file = await autoCompleteFile(entry, given);
  if (file === undefined) return undefined;
  if (python !== undefined) {
    const returned = await runAutoComplete(join(entry.dir, file), given, python);
    if (returned !== undefined) draft.notes.push(`auto_complete_config of ${file} was run`);
    return returned;
  }
  if (!draft.isIncomplete) return undefined;
  const message = 'the model fills in its configuration itself, in auto_complete_config, and must run to tell what';
  throw new ConchError('USAGE', message, {
    where: { file: join(entry.dir, file) },
    fix: 'if you trust the model, allow it with --run-python',
  });
}

function requireOnnx(version: ModelVersion | undefined, entry: ModelEntry, known: ModelConfig): void {
  if (version?.onnxError) throw version.onnxError;
  if (version?.onnx === undefined) modelFile(entry, known.default_model_filename || 'model.onnx');
}

function refuse(completed: CompletedConfig, entry: ModelEntry): CompletedConfig {
  const [problem] = completed.problems;
  if (problem !== undefined) throw errorOf(problem, entry);
  return completed;
}

function errorOf({ message, where, fix }: Diagnostic, { configFile, parsed, dir }: ModelEntry): ConchError {
  const position = where.path ? parsed?.nearest(where.path) : undefined;
  const file = where.file ?? configFile ?? dir;
  const found = where.line === undefined && position ? { line: position.line, column: position.column } : where;
  const { line, column } = found;
  const place = line === undefined ? { file } : { file, line, ...(column !== undefined && { column }) };
  return new ConchError('CONFIG_INVALID', message, { where: place, ...(fix && { fix: fix.text }) });
}

/** Drops what Triton would write out for this very host, and finds what is still open. */
function finish(
  draft: Draft,
  completed: CompletedConfig,
  backend: string,
  written: ModelConfig,
  onnx?: OnnxSummary,
): Inference {
  const config = structuredClone(completed.config);
  const added = completed.changes.filter((one) => one.by !== 'default' || one.path === 'version_policy');
  for (const { path, by } of completed.changes) if (by === 'default' && path !== 'version_policy') remove(config, path);
  if (written.optimization === undefined) delete config.optimization;
  for (const side of ['input', 'output'] as const) openGaps(draft, config, side, backend, onnx);
  return { config, changes: [...draft.changes, ...added], notes: draft.notes, gaps: draft.gaps };
}

/** Triton demands at least a name, a type and dims of each tensor. */
function openGaps(
  draft: Draft,
  config: ModelConfig,
  side: 'input' | 'output',
  backend: string,
  onnx?: OnnxSummary,
): void {
  const tensors = config[side] ?? [];
  const batchInputs = side === 'input' ? (config.batch_input ?? []).length : 0;
  const isOpen = draft.gaps.some((gap) => gap.path === side);
  // A graph may have no inputs at all: then there is nothing to write.
  const hasNone = backend === 'onnxruntime' && onnx?.[`${side}s`].length === 0;
  if (tensors.length + batchInputs === 0 && !isOpen && !hasNone) draft.open(side, unknown(side, backend));
  tensors.forEach((tensor, index) => {
    const path = `${side}[${index}]`;
    const label = tensor.name ? `${side} '${tensor.name}'` : path;
    if (!tensor.name) draft.open(`${path}.name`, `the name of ${path}`);
    if (!tensor.data_type || tensor.data_type === 'TYPE_INVALID')
      draft.open(`${path}.data_type`, `the data_type of ${label}`);
    if ((tensor.dims ?? []).length === 0) draft.open(`${path}.dims`, `the dims of ${label}`);
    if ((tensor.dims ?? []).some((dim) => Number(dim) === 0))
      draft.open(`${path}.dims`, `a size, or -1, in place of the 0 in the dims of ${label}, which Triton refuses`);
  });
}

function unknown(side: 'input' | 'output', backend: string): string {
  if (backend === '') return `the ${side}s of the ensemble`;
  if (backend === 'python') return `the ${side}s of model.py, which adds none in auto_complete_config`;
  if (backend === 'tensorrt')
    return `the ${side}s of the plan (or leave them to Triton): only TensorRT can read them, and conch.json has none`;
  return `the ${side}s: conch cannot read the model files of backend ${backend}`;
}

/** Takes a value out of a config; `path` has names and indices only. */
function remove(config: ModelConfig, path: string): void {
  const steps = path.match(/\w+/g)!;
  let holder: unknown = config;
  for (const step of steps.slice(0, -1)) holder = (holder as Record<string, unknown> | undefined)?.[step];
  if (holder !== undefined) delete (holder as Record<string, unknown>)[steps.at(-1)!];
}
