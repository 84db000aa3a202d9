import { join, relative, sep } from 'node:path';
import { watch } from 'chokidar';
import type { ModelEntry, ModelRepository, OpenOptions } from './entry.ts';
import { openRepository, readModel } from './open.ts';

export interface WatchOptions extends OpenOptions {
  /** Changes that come within this many milliseconds are reported together; 10 unless given. */
  readonly settleMs?: number;
  /** Called with each new snapshot and the names of the models that were read again or went away. */
  onChange(repository: ModelRepository, changed: readonly string[]): void;
  /** A folder that cannot be read any more, or the watcher itself failing. */
  onError(error: unknown): void;
}

export interface RepositoryWatch {
  /** The first snapshot. */
  readonly repository: ModelRepository;
  close(): Promise<void>;
}

/**
 * Reads a repository and goes on following it. A change reads the models concerned again and leaves the entries of all
 * others as they are, so that what was derived from them stays good.
 */
export async function watchRepository(root: string, options: WatchOptions): Promise<RepositoryWatch> {
  const { inspect = false, settleMs = 10, configName } = options;
  const how: OpenOptions = { inspect, ...(configName !== undefined && { configName }) };
  const watcher = watch(root, { ignoreInitial: true, followSymlinks: false });
  const touched = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let current: ModelRepository;
  let reading: Promise<void> = Promise.resolve();
  const refresh = async () => {
    const names = [...touched];
    touched.clear();
    if (names.length === 0) return;
    try {
      current = await updated(current, names, how);
      options.onChange(current, names);
    } catch (error) {
      options.onError(error);
    }
  };
  watcher.on('all', (_event, path) => {
    const [name = ''] = relative(root, path).split(sep);
    touched.add(name);
    clearTimeout(timer);
    timer = setTimeout(() => {
      reading = reading.then(refresh);
    }, settleMs);
  });
  watcher.on('error', options.onError);
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  // Read after the watcher stands: what changes in between is read twice rather than missed.
  const first = openRepository(root, how);
  // Changes meanwhile wait for it: they are read on top.
  reading = first.then(
    (repository) => {
      current = repository;
    },
    () => {
      clearTimeout(timer);
      touched.clear();
      return watcher.close();
    },
  );
  current = await first;
  return {
    repository: current,
    async close() {
      clearTimeout(timer);
      await watcher.close();
      await reading;
    },
  };
}

/** `before` with the models called `names` read again. A model that appears or goes has the whole root read. */
async function updated(
  before: ModelRepository,
  names: readonly string[],
  options: OpenOptions,
): Promise<ModelRepository> {
  const known = new Map(before.models.map((model) => [model.name, model]));
  if (names.some((name) => !known.has(name)))
    return keepUnchanged(await openRepository(before.root, options), known, names);
  try {
    const fresh = await Promise.all(names.map((name) => readModel(join(before.root, name), options)));
    const byName = new Map(fresh.map((model) => [model.name, model]));
    const models = before.models.map((model) => byName.get(model.name) ?? model);
    const others = before.diagnostics.filter((one) => one.model === undefined || !byName.has(one.model));
    return { ...before, models, diagnostics: [...others, ...fresh.flatMap((model) => model.diagnostics)] };
  } catch {
    // The model's folder has gone: the root tells.
    return keepUnchanged(await openRepository(before.root, options), known, names);
  }
}

function keepUnchanged(
  fresh: ModelRepository,
  known: ReadonlyMap<string, ModelEntry>,
  changed: readonly string[],
): ModelRepository {
  const models = fresh.models.map((model) => (changed.includes(model.name) ? model : (known.get(model.name) ?? model)));
  return { ...fresh, models };
}

/**
 * Tells when anything below a repository's root changes, with the names of the models concerned, without reading them.
 * Changes that come within `settleMs` of each other are told together. The answer ends it.
 */
export async function watchModels(
  root: string,
  options: {
    readonly settleMs?: number;
    onChange(models: readonly string[]): void;
    onError(error: unknown): void;
  },
): Promise<() => Promise<void>> {
  const watcher = watch(root, { ignoreInitial: true, followSymlinks: false });
  const touched = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  watcher.on('all', (_event, path) => {
    touched.add(relative(root, path).split(sep)[0] ?? '');
    clearTimeout(timer);
    timer = setTimeout(() => {
      const names = [...touched];
      touched.clear();
      options.onChange(names);
    }, options.settleMs ?? 200);
  });
  watcher.on('error', options.onError);
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}
