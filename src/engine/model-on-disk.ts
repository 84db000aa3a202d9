import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError, hashBytes, hashValue } from '../base/index.ts';
import type { ModelConfig, ParsedConfig } from '../config/index.ts';
import {
  type CompletionHost,
  completeModel,
  labelsOf,
  type ModelEntry,
  type ModelVersion,
  readModel,
  servedVersions,
} from '../repository/index.ts';
import { askAutoComplete } from './backends/python/auto-complete.ts';
import { validateConfig } from './validation.ts';

/** The server's flags that decide what a model's configuration is. */
export interface ReadOptions extends Pick<CompletionHost, 'autoComplete' | 'defaultMaxBatchSize'> {
  /** Triton's --model-config-name. */
  readonly configName?: string | undefined;
}

/** Where a model is read from. */
export interface ModelPlace {
  readonly dir: string;
  /** Given by a load request in place of the file. */
  readonly config?: ModelConfig | undefined;
  /** Removes `dir`, which was made for this load alone. */
  readonly dispose?: (() => Promise<void>) | undefined;
}

/** A model as it stands on disk, with its config completed and found valid. */
export interface ModelOnDisk {
  readonly entry: ModelEntry;
  readonly config: ModelConfig;
  /** Those that the version policy selects, ascending; never empty. */
  readonly versions: readonly ModelVersion[];
  /** Changes when any file of the model does. */
  readonly fingerprint: string;
  /** Changes when any file but the configuration does. */
  readonly filesFingerprint: string;
  /** See ModelPlace. */
  readonly dispose: (() => Promise<void>) | undefined;
}

/**
 * Reads a model and refuses what Triton would refuse before it opens any model file. `before` is what was read last time:
 * it is the answer, too, when no file has changed since.
 */
export async function readFromDisk(
  place: ModelPlace,
  options: ReadOptions = {},
  before?: ModelOnDisk,
): Promise<ModelOnDisk> {
  const { dir, dispose } = place;
  const fingerprints = await fingerprintsOf(dir, place.config);
  if (before?.fingerprint === fingerprints.fingerprint) return before;
  const { configName, ...host } = options;
  const entry = await readModel(dir, {
    inspect: true,
    ...(configName !== undefined && { configName }),
    ...(place.config && { config: place.config }),
  });
  const broken = entry.parsed?.diagnostics.find((finding) => finding.severity === 'error');
  if (broken) throw pollError(broken.message, { where: broken.where, ...(broken.fix && { fix: broken.fix.text }) });
  if (!entry.parsed && host.autoComplete === false) {
    throw pollError(`there is no ${join(dir, 'config.pbtxt')}, and auto-complete is disabled`, {
      where: { file: dir },
    });
  }
  const python = host.autoComplete === false ? undefined : await askAutoComplete(entry);
  const { config, problems } = completeModel(entry, { gpus: [], ...host, ...(python && { python }) });
  const [problem] = problems;
  if (problem)
    throw loadError(problem.message, { where: problem.where, ...(problem.fix && { fix: problem.fix.text }) });
  const [invalid, ...more] = validateConfig(config, entry.name);
  if (invalid) {
    const rest = more.length > 0 ? ` (and ${more.length} more: ${more.map(({ message }) => message).join('; ')})` : '';
    throw located(loadError(invalid.message + rest, { where: { path: invalid.path } }), entry.parsed);
  }
  refuseAgents(config, entry);
  checkLabels(config, entry);
  const versions = servedVersions(entry);
  if (versions.length === 0) throw noVersion(entry);
  return { entry, config, versions, ...fingerprints, dispose };
}

/** The labels of each output that has a label file. */
export function labelsByOutput({ entry, config }: ModelOnDisk): Record<string, readonly string[]> {
  const pairs = (config.output ?? []).flatMap(({ name }) => {
    const labels = name === undefined ? undefined : labelsOf(entry, name);
    return labels ? [[name, labels] as const] : [];
  });
  return Object.fromEntries(pairs);
}

/**
 * Whether a model can take on its new state without loading its versions again: no file but the configuration has
 * changed, and that only in `instance_group` and `version_policy` (Triton's core, `model_lifecycle.cc`).
 */
export function differInInstancesOnly(before: ModelOnDisk, after: ModelOnDisk): boolean {
  if (before.filesFingerprint !== after.filesFingerprint) return false;
  // Slots of sequences belong to instances; ensembles have none.
  if (after.config.sequence_batching || after.config.platform === 'ensemble') return false;
  const rest = ({ instance_group, version_policy, ...config }: ModelConfig) => hashValue(config);
  return rest(before.config) === rest(after.config);
}

/** An error that points into a config, with the file, line and column of what it points at. */
export function located(error: ConchError, parsed: ParsedConfig | undefined): ConchError {
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

/** An agent may check or decrypt a model: to load it without would be to load another one. */
function refuseAgents({ model_repository_agents }: ModelConfig, entry: ModelEntry): void {
  const [agent] = model_repository_agents?.agents ?? [];
  if (!agent) return;
  const message = `the repository agent '${agent.name ?? ''}' is asked for, the embedded server has none`;
  const fix = `serve '${entry.name}' with Triton, or take model_repository_agents out`;
  throw located(pollError(message, { where: { path: 'model_repository_agents' }, fix }), entry.parsed);
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

/** What Triton finds while it polls the repository: it answers INTERNAL to the load then. */
function pollError(message: string, options: ConstructorParameters<typeof ConchError>[2]): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', message, { status: 'INTERNAL', ...options });
}

function loadError(message: string, options: ConstructorParameters<typeof ConchError>[2]): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', message, options);
}

/** Files up to this size are told apart by what is in them. Larger ones would have to be read whole at every look. */
const readBelow = 1 << 20;

/**
 * What all files below a folder are: the content of small ones, so that a copy or a touch is no change, and size, time
 * and inode of large ones.
 */
async function fingerprintsOf(
  dir: string,
  override: ModelConfig | undefined,
): Promise<Pick<ModelOnDisk, 'fingerprint' | 'filesFingerprint'>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  const facts = await Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      // Of folders only that they are there: an empty version folder is a version all the same.
      if (entry.isDirectory()) return [path] as const;
      const { size, mtimeMs, ino } = await stat(path).catch(() => ({ size: -1, mtimeMs: 0, ino: 0 }));
      const content = size >= 0 && size <= readBelow ? await readFile(path).catch(() => undefined) : undefined;
      return [path, size, content ? hashBytes(content) : `${mtimeMs} ${ino}`] as const;
    }),
  );
  const sorted = facts.sort(([a], [b]) => (a < b ? -1 : 1));
  const isConfig = (path: string) => path === join(dir, 'config.pbtxt') || path.startsWith(join(dir, 'configs'));
  return {
    // A config that came with the request never stands for what is on disk, nor for another one.
    fingerprint: override ? `override ${crypto.randomUUID()}` : hashValue(sorted),
    filesFingerprint: hashValue(sorted.filter(([path]) => !isConfig(path))),
  };
}
