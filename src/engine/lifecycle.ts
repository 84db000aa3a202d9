import { join } from 'node:path';
import { ConchError, type Logger, toConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import { checkModelName, openRepository, readModel } from '../repository/index.ts';
import type { Catalogue } from './catalogue.ts';
import { Gate } from './gate.ts';
import { buildVersions, checkAgainstModels, type LoaderOptions, LoadFailure, readFromDisk } from './loader.ts';
import type { Model } from './model.ts';

/** Models loaded at the same time, as Triton's `--model-load-thread-count`. */
const parallelLoads = 4;

/**
 * Loads and unloads models. Work on one model is done one after the other; an ensemble brings its models with it, and is
 * looked at again whenever one of them changes.
 */
export class Lifecycle {
  readonly #root: string;
  readonly #catalogue: Catalogue;
  readonly #options: LoaderOptions;
  readonly #logger: Logger;
  readonly #slots = new Gate(parallelLoads);
  /** The last piece of work in line for each model. */
  readonly #lines = new Map<string, Promise<unknown>>();
  /** Old versions that still finish requests. */
  readonly #draining = new Set<Promise<void>>();
  #stopping = false;

  constructor(root: string, catalogue: Catalogue, options: LoaderOptions) {
    this.#root = root;
    this.#catalogue = catalogue;
    this.#options = options;
    this.#logger = options.logger;
  }

  /** Lists the repository and loads `names` (absent: everything). Failures stay with their models. */
  async start(names: readonly string[] | undefined): Promise<void> {
    const repository = await openRepository(this.#root);
    for (const { name } of repository.models) this.#catalogue.add(name);
    const wanted = names ?? repository.models.map(({ name }) => name);
    const unknown = wanted.find((name) => !this.#catalogue.get(name));
    if (unknown !== undefined) {
      const known = repository.models.map(({ name }) => `'${name}'`).join(', ');
      throw new ConchError(
        'MODEL_NOT_FOUND',
        `model '${unknown}' is not in ${repository.root}, which holds ${known || 'none'}`,
        {
          where: { file: repository.root },
        },
      );
    }
    for (const name of wanted) this.#catalogue.add(name).wanted = true;
    await Promise.allSettled(wanted.map((name) => this.#load(name)));
  }

  /** Loads a model, or what changed of it. Throws why it failed; what served before goes on serving then. */
  async load(name: string): Promise<void> {
    try {
      checkModelName(name);
    } catch (thrown) {
      throw new ConchError('REQUEST_INVALID', `'${name}' cannot be a model: ${toConchError(thrown).message}`);
    }
    const before = this.#snapshot();
    try {
      await this.#load(name);
    } finally {
      await this.#revalidate(before);
    }
  }

  /** Takes a model out of service; returns before its last requests are done. Unknown models are fine. */
  async unload(name: string): Promise<void> {
    const model = this.#catalogue.get(name);
    if (!model) return;
    const before = this.#snapshot();
    await this.#inLine(name, async () => {
      model.wanted = false;
      model.fault = undefined;
      this.#letDrain(model.withdraw('unloaded'));
    });
    await this.#revalidate(before);
  }

  /** Lets no load begin or come to an end any more, and waits for those under way to give up. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled(this.#lines.values());
    await Promise.allSettled(this.#draining);
  }

  #load(name: string): Promise<void> {
    return this.#inLine(name, async () => {
      const model = await this.#known(name);
      model.wanted = true;
      model.loading = true;
      try {
        await this.#bring(model);
        this.#logger.info({ model: name, versions: [...model.ready.keys()] }, 'model ready');
      } catch (thrown) {
        const error = thrown instanceof LoadFailure ? thrown.error : toConchError(thrown);
        const version =
          thrown instanceof LoadFailure && thrown.version !== undefined ? ` version ${thrown.version}` : '';
        const named = new ConchError(error.code, `model '${name}'${version}: ${error.message}`, {
          status: error.status,
          cause: error,
          ...(error.where && { where: error.where }),
          ...(error.fix && { fix: error.fix }),
        });
        model.fail(thrown, named);
        this.#logger.error({ model: name, reason: named.toString() }, 'model failed to load');
        throw named;
      } finally {
        model.loading = false;
      }
    });
  }

  async #bring(model: Model): Promise<void> {
    this.#refuseWhenStopping();
    const disk = await readFromDisk(join(this.#root, model.name));
    const isEnsemble = disk.config.platform === 'ensemble';
    if (!isEnsemble && model.ready.size > 0 && model.disk?.fingerprint === disk.fingerprint) {
      model.fault = undefined;
      return;
    }
    if (isEnsemble) {
      model.disk = disk;
      await this.#refuseCycle(model.name);
      // Their failures show when the ensemble is checked against them.
      await Promise.allSettled(
        stepsOf(disk.config)
          .filter((step) => !this.#catalogue.get(step)?.newest)
          .map((step) => this.#load(step)),
      );
    }
    await this.#slots.enter();
    try {
      this.#refuseWhenStopping();
      const versions = await buildVersions(disk, this.#options);
      if (this.#stopping) {
        await Promise.all(versions.map((served) => served.abandon()));
        this.#refuseWhenStopping();
      }
      this.#letDrain(model.replace(versions, disk));
    } finally {
      this.#slots.leave();
    }
  }

  /** The model of that name; a folder that appeared since the start counts too. */
  async #known(name: string): Promise<Model> {
    const known = this.#catalogue.get(name);
    if (known) return known;
    try {
      await readModel(join(this.#root, name));
    } catch (cause) {
      // Triton answers INTERNAL to the load of a model that its repository scan does not find.
      throw new ConchError('MODEL_NOT_FOUND', `model '${name}' cannot be loaded: ${this.#root} has no such folder`, {
        status: 'INTERNAL',
        cause,
      });
    }
    return this.#catalogue.add(name);
  }

  /** Ensembles that contain each other would wait for each other for ever. */
  async #refuseCycle(name: string): Promise<void> {
    const visit = async (current: string, path: readonly string[]): Promise<void> => {
      if (path.includes(current)) {
        if (current !== name) return;
        throw new ConchError('MODEL_LOAD_FAILED', `ensembles contain each other: ${[...path, current].join(' -> ')}`, {
          where: { path: 'ensemble_scheduling' },
        });
      }
      const steps = await this.#stepsOnDisk(current);
      for (const step of steps) await visit(step, [...path, current]);
    };
    await visit(name, []);
  }

  async #stepsOnDisk(name: string): Promise<string[]> {
    try {
      checkModelName(name);
      const { parsed } = await readModel(join(this.#root, name));
      return stepsOf(parsed?.config);
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
      if (model.ready.size === 0) await this.#load(model.name).catch(() => {});
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
