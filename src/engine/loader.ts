import { type ConchError, type Logger, toConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { ModelVersion } from '../repository/index.ts';
import { Admission } from './admission.ts';
import type { Backend, EngineAccess } from './backend.ts';
import { backendOf } from './backends/index.ts';
import type { Clock } from './clock.ts';
import { Ensemble, type FindVersion } from './ensemble.ts';
import { checkEnsemble } from './ensemble-check.ts';
import { InstancePool } from './instances.ts';
import { Latencies, type LatencyMetrics } from './latencies.ts';
import { labelsByOutput, located, type ModelOnDisk } from './model-on-disk.ts';
import { type RateLimiter, rateLimiterOf } from './rate-limiter.ts';
import type { ResponseCache } from './response-cache.ts';
import { type Runner, ScheduledRunner } from './runner.ts';
import { SequenceInputs } from './sequence/inputs.ts';
import { loadStates } from './sequence/states.ts';
import { StatisticsRecorder } from './statistics.ts';
import { tokenWindowOf } from './token-window.ts';
import { ServedVersion } from './version.ts';
import { warmUp, warmupSamples } from './warmup.ts';

export interface LoaderOptions {
  readonly backends: Readonly<Record<string, Backend>>;
  readonly threads: number;
  readonly cacheDirectory: string | undefined;
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
  /** Triton's --backend-config: settings by backend; those of '' are for all. */
  readonly backendSettings: BackendSettings;
  readonly latencyMetrics: LatencyMetrics;
}

export type BackendSettings = Readonly<Record<string, Readonly<Record<string, string>>>>;

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

async function buildVersion(model: ModelOnDisk, version: ModelVersion, options: LoaderOptions): Promise<ServedVersion> {
  const { entry } = model;
  const { clock } = options;
  let { config } = model;
  const start = clock.now();
  if (config.platform === 'ensemble') {
    checkAgainstModels(config, options.find);
    config = withDecoupled(config, options.find);
  }
  const admission = new Admission(entry.name, config);
  const caching = config.response_cache?.enable === true && options.cache !== undefined;
  const recorder = new StatisticsRecorder(Latencies.of(config, options.latencyMetrics, caching, clock));
  const labels = labelsByOutput(model);
  let runner: Runner;
  if (config.platform === 'ensemble') {
    inheritLabels(config, labels, options.find);
    recorder.countsResponses = false;
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
    cache: caching ? options.cache?.open() : undefined,
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
  const { backends, threads, cacheDirectory, clock, limiter, logger, server } = options;
  const { name } = entry;
  const backend = backendOf(backends, config.backend ?? '', name);
  const window = tokenWindowOf(config);
  const states = await loadStates(config, entry.dir);
  const samples = await warmupSamples(config, entry.dir, admission, new SequenceInputs(config, states).warmup());
  const { dir, files } = version;
  const settings = { ...options.backendSettings[''], ...options.backendSettings[config.backend ?? ''] };
  const source = {
    name,
    version: version.version,
    config,
    dir,
    files,
    threads,
    settings,
    cacheDirectory,
    logger,
    server,
  };
  const loaded = await backend.load(source);
  if (loaded.facts.errorsAreAnswers) recorder.countsResponses = false;
  const decoupled = config.model_transaction_policy?.decoupled ?? false;
  const chosen = loaded.facts.ownCode ? samples.filter(({ configured }) => configured) : samples;
  let runner: ScheduledRunner | undefined;
  const pool = await InstancePool.start({
    model: name,
    loaded,
    decoupled,
    ...(limiter && { limit: (instance, index) => limiter.register(instance, rateLimiterOf(config, index)) }),
    prepare: (instance) => warmUp(instance, chosen, name, decoupled, logger),
    onExecution: (rows, result) => recorder.executed(rows, result),
    onDead: (error) => runner?.refuse(error),
    clock,
    logger,
  });
  const { maxQueueSize, maxQueueBytes } = options;
  const limits = { model: name, clock, maxQueueSize, maxQueueBytes, window };
  runner = new ScheduledRunner(pool, loaded, config, limits, { states, logger });
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
