import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError, hashValue, type Logger, toConchError } from '../base/index.ts';
import { completeConfig, type ModelConfig, type ParsedConfig } from '../config/index.ts';
import { labelsOf, type ModelEntry, type ModelVersion, readModel, selectVersions } from '../repository/index.ts';
import { Admission } from './admission.ts';
import type { Backend, EngineAccess } from './backend.ts';
import { backendOf } from './backends/index.ts';
import type { Clock } from './clock.ts';
import { Ensemble, type FindVersion } from './ensemble.ts';
import { checkEnsemble } from './ensemble-check.ts';
import { InstancePool } from './instances.ts';
import { type RateLimiter, rateLimiterOf } from './rate-limiter.ts';
import type { ResponseCache } from './response-cache.ts';
import { type Runner, ScheduledRunner } from './runner.ts';
import { StatisticsRecorder } from './statistics.ts';
import { validateConfig } from './validation.ts';
import { ServedVersion } from './version.ts';
import { warmUp, warmupSamples } from './warmup.ts';

export interface LoaderOptions {
  readonly backends: Readonly<Record<string, Backend>>;
  readonly threads: number;
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly find: FindVersion;
  readonly server: EngineAccess;
  /** Absent: instances run whenever they are free. */
  readonly limiter: RateLimiter | undefined;
  /** For models that opt in; absent: the engine has none. */
  readonly cache: ResponseCache | undefined;
}

/** A model as it stands on disk, with its config completed and found valid. */
export interface ModelOnDisk {
  readonly entry: ModelEntry;
  readonly config: ModelConfig;
  /** Those that the version policy selects, ascending; never empty. */
  readonly versions: readonly ModelVersion[];
  /** Changes when any file of the model does. */
  readonly fingerprint: string;
}

/** A version's failure to load; `version` is undefined where it never came to one. */
export class LoadFailure extends Error {
  readonly version: number | undefined;
  readonly error: ConchError;
  constructor(error: ConchError, version?: number) {
    super(error.message);
    this.error = error;
    this.version = version;
  }
}

/** Reads a model and refuses what Triton would refuse before it opens any model file. */
export async function readFromDisk(dir: string): Promise<ModelOnDisk> {
  const fingerprint = await fingerprintOf(dir);
  const entry = await readModel(dir, { inspect: true });
  const broken = entry.parsed?.diagnostics.find((finding) => finding.severity === 'error');
  if (broken) throw loadError(broken.message, { where: broken.where, ...(broken.fix && { fix: broken.fix.text }) });
  const { config, problems } = completeConfig(entry.parsed?.config ?? {}, {
    modelName: entry.name,
    versionFiles: firstFolderNames(entry.versions),
    gpus: [],
    ...onnxOf(entry),
  });
  const [problem] = problems;
  if (problem)
    throw loadError(problem.message, { where: problem.where, ...(problem.fix && { fix: problem.fix.text }) });
  const [invalid, ...more] = validateConfig(config, entry.name);
  if (invalid) {
    const rest = more.length > 0 ? ` (and ${more.length} more: ${more.map(({ message }) => message).join('; ')})` : '';
    throw located(loadError(invalid.message + rest, { where: { path: invalid.path } }), entry.parsed);
  }
  refuseUnsupported(config, entry.parsed);
  checkLabels(config, entry);
  const selected = selectVersions(
    config,
    entry.versions.map(({ version }) => version),
  );
  if (selected.length === 0) throw noVersion(entry);
  return { entry, config, versions: entry.versions.filter(({ version }) => selected.includes(version)), fingerprint };
}

/** Builds every selected version, warmed up and ready to serve; if one fails none is left and LoadFailure is thrown. */
export async function buildVersions(model: ModelOnDisk, options: LoaderOptions): Promise<ServedVersion[]> {
  const built: ServedVersion[] = [];
  for (const version of model.versions) {
    try {
      built.push(await buildVersion(model, version, options));
    } catch (thrown) {
      await Promise.all(built.map((served) => served.abandon()));
      throw new LoadFailure(located(toConchError(thrown, 'MODEL_LOAD_FAILED'), model.entry.parsed), version.version);
    }
  }
  return built;
}

/** Throws MODEL_LOAD_FAILED when an ensemble does not fit the models that are ready now. */
export function checkAgainstModels(config: ModelConfig, find: FindVersion): void {
  checkEnsemble(config, (name, version) => {
    try {
      return find(name, version).config;
    } catch (thrown) {
      return toConchError(thrown);
    }
  });
}

/** The labels of each output that has a label file. */
export function labelsByOutput({ entry, config }: ModelOnDisk): Record<string, readonly string[]> {
  const pairs = (config.output ?? []).flatMap(({ name }) => {
    const labels = name === undefined ? undefined : labelsOf(entry, name);
    return labels ? [[name, labels] as const] : [];
  });
  return Object.fromEntries(pairs);
}

async function buildVersion(model: ModelOnDisk, version: ModelVersion, options: LoaderOptions): Promise<ServedVersion> {
  const { entry } = model;
  const { clock } = options;
  let { config } = model;
  const start = clock.now();
  const admission = new Admission(entry.name, config);
  const recorder = new StatisticsRecorder();
  const labels = labelsByOutput(model);
  let runner: Runner;
  if (config.platform === 'ensemble') {
    checkAgainstModels(config, options.find);
    config = withDecoupled(config, options.find);
    inheritLabels(config, labels, options.find);
    runner = new Ensemble(config, admission, {
      find: options.find,
      onExecution: (rows, durations) => recorder.executed(rows, durations),
    });
  } else {
    runner = await startInstances(model, version, admission, recorder, options);
  }
  const loadSeconds = (clock.now() - start) / 1000;
  return new ServedVersion({
    name: entry.name,
    version: version.version,
    config,
    admission,
    runner,
    recorder,
    labels,
    cache: config.response_cache?.enable ? options.cache?.open() : undefined,
    clock,
    loadSeconds,
  });
}

async function startInstances(
  { config, entry }: ModelOnDisk,
  version: ModelVersion,
  admission: Admission,
  recorder: StatisticsRecorder,
  options: LoaderOptions,
): Promise<Runner> {
  const { backends, threads, clock, limiter, logger, server } = options;
  const { name } = entry;
  const backend = backendOf(backends, config.backend ?? '', name);
  const samples = await warmupSamples(config, entry.dir, admission);
  const { dir, files } = version;
  const loaded = await backend.load({ name, version: version.version, config, dir, files, threads, logger, server });
  const decoupled = config.model_transaction_policy?.decoupled ?? false;
  let runner: ScheduledRunner | undefined;
  const pool = await InstancePool.start({
    model: name,
    loaded,
    decoupled,
    ...(limiter && { limit: (instance, index) => limiter.register(instance, rateLimiterOf(config, index)) }),
    prepare: (instance) => warmUp(instance, samples, name, decoupled, logger),
    onExecution: (rows, result) => recorder.executed(rows, result),
    onDead: (error) => runner?.refuse(error),
    clock,
    logger,
  });
  runner = new ScheduledRunner(pool, loaded, config, {
    model: name,
    clock,
    maxQueueSize: options.maxQueueSize,
    maxQueueBytes: options.maxQueueBytes,
  });
  return runner;
}

/** An ensemble is decoupled when one of its members is, whatever its file says (core `ensemble_utils.cc`). */
function withDecoupled(config: ModelConfig, find: FindVersion): ModelConfig {
  const decoupled = (config.ensemble_scheduling?.step ?? []).some(
    ({ model_name, model_version }) => find(model_name!, Number(model_version ?? 0)).decoupled,
  );
  return { ...config, model_transaction_policy: { decoupled } };
}

/** Labels that an ensemble's outputs lack come from the steps that produce them. */
function inheritLabels(config: ModelConfig, labels: Record<string, readonly string[]>, find: FindVersion): void {
  for (const step of config.ensemble_scheduling?.step ?? []) {
    for (const [output, tensor] of Object.entries(step.output_map ?? {})) {
      const own = config.output?.some(({ name }) => name === tensor);
      const theirs =
        own && !labels[tensor] ? find(step.model_name!, Number(step.model_version ?? 0)).labels[output] : undefined;
      if (theirs) labels[tensor] = theirs;
    }
  }
}

function refuseUnsupported(config: ModelConfig, parsed: ParsedConfig | undefined): void {
  const refuse = (what: string, path: string): never => {
    const error = new ConchError('NOT_SUPPORTED', `${what} is something that the embedded server does not do`, {
      where: { path },
      fix: 'serve the model with Triton',
    });
    throw located(error, parsed);
  };
  if (config.sequence_batching) refuse('sequence batching', 'sequence_batching');
}

function checkLabels(config: ModelConfig, entry: ModelEntry): void {
  (config.output ?? []).forEach((output, index) => {
    if (!output.label_filename || labelsOf(entry, output.name ?? '')) return;
    const message = `output '${output.name}': label file '${output.label_filename}' cannot be read from ${entry.dir}`;
    throw located(loadError(message, { where: { path: `output[${index}].label_filename` } }), entry.parsed);
  });
}

function noVersion(entry: ModelEntry): ConchError {
  const found = entry.versions.map(({ version }) => version).join(', ');
  const ignored = entry.ignoredFolders.map(({ reason }) => reason).join('; ');
  return loadError(
    'there is no version to serve: ' +
      (found ? `the version policy selects none of ${found}` : `${entry.dir} holds no version folder such as 1/`) +
      (ignored ? ` (${ignored})` : ''),
    { where: { file: entry.dir } },
  );
}

/** What auto-complete looks at: the names in the folder that sorts first, and the model's own signature. */
function firstFolderNames(versions: readonly ModelVersion[]): string[] {
  const [first] = [...versions].sort((a, b) => (a.folder < b.folder ? -1 : 1));
  const names = (first?.files ?? []).map(({ path }) =>
    path.includes('/') ? path.slice(0, path.indexOf('/') + 1) : path,
  );
  return [...new Set(names)];
}

function onnxOf({ versions }: ModelEntry): { onnx?: NonNullable<ModelVersion['onnx']> } {
  const onnx = versions.at(-1)?.onnx;
  return onnx ? { onnx } : {};
}

/** An error that points into a config, with the file, line and column of what it points at. */
function located(error: ConchError, parsed: ParsedConfig | undefined): ConchError {
  const path = error.where?.path;
  if (!parsed?.file || path === undefined || error.where?.file !== undefined) return error;
  const position = parsed.at(path);
  const where = { file: parsed.file, path, ...(position && { line: position.line, column: position.column }) };
  return new ConchError(error.code, error.message, {
    where,
    status: error.status,
    cause: error.cause,
    ...(error.fix && { fix: error.fix }),
  });
}

function loadError(message: string, options: ConstructorParameters<typeof ConchError>[2]): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', message, options);
}

/** Sizes and times of all files below a folder: cheap to take, and different after any change. */
async function fingerprintOf(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  const facts = await Promise.all(
    entries
      .filter((entry) => !entry.isDirectory())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const { size, mtimeMs, ino } = await stat(path).catch(() => ({ size: -1, mtimeMs: 0, ino: 0 }));
        return [path, size, mtimeMs, ino] as const;
      }),
  );
  return hashValue(facts.sort(([a], [b]) => (a < b ? -1 : 1)));
}
