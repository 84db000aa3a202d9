import { ConchError, type Logger, toConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import { checkModelName, readModel } from '../repository/index.ts';
import type { Catalogue } from './catalogue.ts';
import { Gate } from './gate.ts';
import { buildVersions, checkAgainstModels, type LoaderOptions, LoadFailure } from './loader.ts';
import type { Model } from './model.ts';
import { differInInstancesOnly, type ModelOnDisk, type ReadOptions, readFromDisk } from './model-on-disk.ts';
import { type LoadOverrides, placeOf } from './overrides.ts';
import type { Repositories } from './repositories.ts';
import type { ServedVersion } from './version.ts';

export interface LifecycleOptions extends LoaderOptions {
  readonly read: ReadOptions;
  /** Models loaded at the same time, as Triton's `--model-load-thread-count`. */
  readonly loadThreads: number;
  /** Attempts after the first, as Triton's `--model-load-retry-count`. */
  readonly loadRetries: number;
}

interface LoadOrder {
  /** Asked for by name, not only as a member of an ensemble. */
  readonly explicit: boolean;
  readonly overrides?: LoadOverrides | undefined;
}

/**
 * Loads and unloads models. Work on one model is done one after the other; an ensemble brings its models with it, and is
 * looked at again whenever one of them changes.
 */
export class Lifecycle {
  readonly #repositories: Repositories;
  readonly #catalogue: Catalogue;
  readonly #options: LifecycleOptions;
  readonly #logger: Logger;
  readonly #slots: Gate;
  /** The last piece of work in line for each model. */
  readonly #lines = new Map<string, Promise<unknown>>();
  /** Old versions that still finish requests. */
  readonly #draining = new Set<Promise<void>>();
  #stopping = false;

  constructor(repositories: Repositories, catalogue: Catalogue, options: LifecycleOptions) {
    this.#repositories = repositories;
    this.#catalogue = catalogue;
    this.#options = options;
    this.#logger = options.logger;
    this.#slots = new Gate(options.loadThreads);
  }

  /** Lists the repositories and loads `names` (absent: everything). Failures stay with their models. */
  async start(names: readonly string[] | undefined): Promise<void> {
    const { names: present } = await this.#repositories.list();
    for (const name of present) this.#catalogue.add(name);
    const wanted = names ?? present;
    const unknown = wanted.find((name) => !this.#catalogue.get(name));
    if (unknown !== undefined) {
      const known = present.map((name) => `'${name}'`).join(', ');
      const roots = this.#repositories.roots.join(' and ');
      throw new ConchError('MODEL_NOT_FOUND', `model '${unknown}' is not in ${roots}, which holds ${known || 'none'}`, {
        where: { file: this.#repositories.roots[0]! },
      });
    }
    for (const name of wanted) this.#catalogue.add(name).wanted = true;
    await Promise.allSettled(wanted.map((name) => this.#load(name, { explicit: true })));
  }

  /** Loads a model, or what changed of it. Throws why it failed; what served before goes on serving then. */
  async load(name: string, overrides?: LoadOverrides): Promise<void> {
    try {
      checkModelName(name);
    } catch (thrown) {
      throw new ConchError('REQUEST_INVALID', `'${name}' cannot be a model: ${toConchError(thrown).message}`);
    }
    const before = this.#snapshot();
    try {
      await this.#load(name, { explicit: true, overrides });
    } finally {
      await this.#revalidate(before);
    }
  }

  /**
   * Takes a model out of service; returns before its last requests are done. Unknown models are fine. With `dependents`
   * go its members too, if it is an ensemble: those that were loaded for nobody else.
   */
  async unload(name: string, dependents = false): Promise<void> {
    const model = this.#catalogue.get(name);
    if (!model) return;
    const before = this.#snapshot();
    await this.#withdraw(model);
    if (dependents) await this.#withdrawMembers(model);
    await this.#revalidate(before);
  }

  /**
   * Brings the models in line with the folders: loads what is new, changed, or failed before; unloads what is gone. A
   * model that does not load goes on serving as it was. Throws when a repository cannot be read.
   */
  async refresh(): Promise<void> {
    const { names } = await this.#repositories.list();
    const present = new Set(names);
    const before = this.#snapshot();
    const gone = this.#catalogue.all().filter((model) => model.wanted && !present.has(model.name));
    for (const model of gone) {
      this.#logger.info({ model: model.name }, 'model folder is gone');
      await this.#withdraw(model);
    }
    await Promise.allSettled(names.map((name) => this.#load(name, { explicit: true })));
    await this.#revalidate(before);
  }

  /** Lets no load begin or come to an end any more, and waits for those under way to give up. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled(this.#lines.values());
    await Promise.allSettled(this.#draining);
  }

  /** Removes what was written for single loads; after every version has been freed. */
  async dispose(): Promise<void> {
    await Promise.allSettled(this.#catalogue.all().map((model) => model.disk?.dispose?.()));
  }

  #load(name: string, order: LoadOrder): Promise<void> {
    return this.#inLine(name, async () => {
      let model = this.#catalogue.get(name);
      let disk: ModelOnDisk | undefined;
      try {
        this.#refuseWhenStopping();
        // A folder that appeared since the start counts too; what is not there is not remembered.
        const place = await placeOf(name, order.overrides ?? {}, () => this.#repositories.dirOf(name));
        model ??= this.#catalogue.add(name);
        model.wanted = true;
        model.explicit ||= order.explicit;
        try {
          disk = await readFromDisk(place, this.#options.read, model.disk);
        } catch (thrown) {
          await place.dispose?.();
          throw thrown;
        }
        await this.#bring(model, disk);
      } catch (thrown) {
        if (disk && model?.disk !== disk) await disk.dispose?.();
        throw this.#blame(name, model, thrown);
      } finally {
        if (model) model.loading = false;
      }
    });
  }

  async #bring(model: Model, disk: ModelOnDisk): Promise<void> {
    const isEnsemble = disk.config.platform === 'ensemble';
    if (isEnsemble) {
      if (model.ready.size === 0) model.disk = disk;
      await this.#refuseCycle(model.name, disk.config);
      // Their failures show when the ensemble is checked against them.
      await Promise.allSettled(
        stepsOf(disk.config)
          .filter((step) => !this.#catalogue.get(step)?.newest)
          .map((step) => this.#load(step, { explicit: false })),
      );
    }
    if (model.ready.size > 0 && model.disk?.fingerprint === disk.fingerprint) {
      model.fault = undefined;
      return;
    }
    model.loading = true;
    await this.#slots.enter();
    try {
      this.#refuseWhenStopping();
      const versions = (await this.#update(model, disk)) ?? (await this.#build(disk));
      if (this.#stopping) {
        const fresh = versions.filter((served) => model.ready.get(served.version) !== served);
        await Promise.all(fresh.map((served) => served.abandon()));
        this.#refuseWhenStopping();
      }
      this.#letDrain(model.replace(versions, disk));
      this.#logger.info({ model: model.name, versions: [...model.ready.keys()] }, 'model ready');
    } finally {
      this.#slots.leave();
    }
  }

  /**
   * The versions of a model of which only instances and the choice of versions have changed: those that serve stay, with
   * instances more or less. Undefined: it has to be loaded anew.
   */
  async #update(model: Model, disk: ModelOnDisk): Promise<ServedVersion[] | undefined> {
    if (this.#options.limiter || !model.disk || !differInInstancesOnly(model.disk, disk)) return undefined;
    const kept = [...model.ready.values()].filter((served) =>
      disk.versions.some(({ version }) => version === served.version),
    );
    if (!kept.every((served) => served.reconfigurable)) return undefined;
    const missing = disk.versions.filter(({ version }) => !model.ready.has(version));
    const added = missing.length > 0 ? await this.#build({ ...disk, versions: missing }) : [];
    try {
      for (const served of kept) await served.reconfigure(disk.config);
    } catch (thrown) {
      await Promise.all(added.map((one) => one.abandon()));
      throw thrown;
    }
    return [...kept, ...added].sort((a, b) => a.version - b.version);
  }

  async #build(disk: ModelOnDisk) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await buildVersions(disk, this.#options);
      } catch (thrown) {
        if (attempt >= this.#options.loadRetries || this.#stopping) throw thrown;
        this.#logger.warn({ model: disk.entry.name, attempt: attempt + 1 }, 'model failed to load; trying again');
      }
    }
  }

  /** The failure under the model's name, remembered with the model and logged, unless it is the same again. */
  #blame(name: string, model: Model | undefined, thrown: unknown): ConchError {
    const error = thrown instanceof LoadFailure ? thrown.error : toConchError(thrown);
    const version = thrown instanceof LoadFailure && thrown.version !== undefined ? ` version ${thrown.version}` : '';
    const subject = `model '${name}'`;
    const message = error.message.startsWith(subject) ? error.message : `${subject}${version}: ${error.message}`;
    const named = new ConchError(error.code, message, {
      status: error.status,
      cause: error,
      ...(error.where && { where: error.where }),
      ...(error.fix && { fix: error.fix }),
    });
    if (model?.fault?.message !== named.message) {
      this.#logger.error({ model: name, reason: named.toString() }, 'model failed to load');
    }
    model?.fail(thrown, named);
    return named;
  }

  #withdraw(model: Model): Promise<void> {
    return this.#inLine(model.name, async () => {
      model.wanted = false;
      model.explicit = false;
      model.fault = undefined;
      this.#letDrain(model.withdraw('unloaded'));
    });
  }

  async #withdrawMembers(ensemble: Model): Promise<void> {
    for (const name of stepsOf(ensemble.disk?.config)) {
      const member = this.#catalogue.get(name);
      if (!member?.wanted || member.explicit || this.#isUsed(name)) continue;
      await this.#withdraw(member);
      await this.#withdrawMembers(member);
    }
  }

  /** Whether an ensemble that is wanted has a step for it. */
  #isUsed(name: string): boolean {
    return this.#catalogue
      .all()
      .some((model) => model.wanted && stepsOf(model.newest?.config ?? model.disk?.config).includes(name));
  }

  /** Ensembles that contain each other would wait for each other for ever. */
  async #refuseCycle(name: string, config: ModelConfig): Promise<void> {
    const visit = async (current: string, path: readonly string[]): Promise<void> => {
      if (path.includes(current)) {
        if (current !== name) return;
        throw new ConchError('MODEL_LOAD_FAILED', `ensembles contain each other: ${[...path, current].join(' -> ')}`, {
          where: { path: 'ensemble_scheduling' },
        });
      }
      const steps = current === name ? stepsOf(config) : await this.#stepsOnDisk(current);
      for (const step of steps) await visit(step, [...path, current]);
    };
    await visit(name, []);
  }

  async #stepsOnDisk(name: string): Promise<string[]> {
    try {
      checkModelName(name);
      const { configName } = this.#options.read;
      const dir = await this.#repositories.dirOf(name);
      return stepsOf((await readModel(dir, configName === undefined ? {} : { configName })).parsed?.config);
    } catch {
      return [];
    }
  }

  /** The newest ready version of every model, to tell later which changed. */
  #snapshot(): ReadonlyMap<string, unknown> {
    return new Map(this.#catalogue.all().map((model) => [model.name, model.newest]));
  }

  /** Takes ensembles out that no longer fit a model that changed, and tries those again that did not fit before. */
  async #revalidate(before: ReadonlyMap<string, unknown>): Promise<void> {
    if (this.#stopping) return;
    const changed = new Set(
      this.#catalogue
        .all()
        .filter((model) => model.newest !== before.get(model.name))
        .map(({ name }) => name),
    );
    if (changed.size === 0) return;
    const next = this.#snapshot();
    for (const model of this.#catalogue.all()) {
      if (
        !model.wanted ||
        changed.has(model.name) ||
        !stepsOf(model.newest?.config ?? model.disk?.config).some((step) => changed.has(step))
      )
        continue;
      if (model.ready.size === 0) await this.#load(model.name, { explicit: model.explicit }).catch(() => {});
      else await this.#inLine(model.name, async () => this.#recheck(model));
    }
    await this.#revalidate(next);
  }

  #recheck(model: Model): void {
    if (!model.newest) return;
    try {
      checkAgainstModels(model.newest.config, this.#options.find);
    } catch (thrown) {
      const error = toConchError(thrown);
      model.fail(thrown, error);
      this.#letDrain(model.withdraw(error.message));
    }
  }

  #letDrain(done: Promise<void>): void {
    this.#draining.add(done);
    void done.finally(() => this.#draining.delete(done));
  }

  #refuseWhenStopping(): void {
    if (this.#stopping) throw new ConchError('SERVER_STOPPING', 'the server is shutting down and loads no more models');
  }

  #inLine<T>(name: string, work: () => Promise<T>): Promise<T> {
    const previous = this.#lines.get(name) ?? Promise.resolve();
    const next = previous.then(work, work);
    this.#lines.set(name, next);
    const settled = (): void => {
      if (this.#lines.get(name) === next) this.#lines.delete(name);
    };
    next.then(settled, settled);
    return next;
  }
}

/** Names of the models that an ensemble is made of; empty for others. */
function stepsOf(config: ModelConfig | undefined): string[] {
  return (config?.ensemble_scheduling?.step ?? []).map((step) => step.model_name ?? '');
}
