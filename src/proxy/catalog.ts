import { ConchError, type Logger, toConchError } from '../base/index.ts';
import type { InferenceClient } from '../client/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { ModelIndexEntry } from '../protocol/index.ts';
import { within } from './deadline.ts';
import { FingerPrints } from './finger-prints.ts';
import { describeModel, type ModelInterface } from './interface.ts';
import { givenClasses, learnClasses } from './labels.ts';
import { taskOf } from './tasks/task.ts';
import { type DirectText, textPipeline } from './text/pipeline.ts';
import type { Tokenizers } from './text/tokenizers.ts';

/**
 * How texts reach an encoder: through the ensemble on the server, or directly, tokenized in the proxy. `auto`: directly
 * where the tokenizer is at hand.
 */
export type TextPath = 'auto' | 'direct' | 'ensemble';

export interface CatalogOptions {
  readonly client: InferenceClient;
  readonly logger: Logger;
  readonly models?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly tokenizers?: Tokenizers | undefined;
  readonly textPath?: TextPath | undefined;
  /** Milliseconds between two looks at a server that is ready; without it only requests cause looks. */
  readonly watchMs?: number | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, where it is not. */
  readonly reason?: string;
}

const firstPollMs = 100;
const slowestPollMs = 5000;
/** Questions that requests cause (an unknown model, a failure) are put to the server at most this often. */
const refreshSpacingMs = 1000;
const healthTimeoutMs = 2000;
const readTimeoutMs = 30_000;
const describedAtOnce = 8;

/**
 * The models that the server offers, and whether it is ready. Polls with growing pauses until the server is ready and
 * every model that it has loaded is known; after that it asks again only when a request gives reason to.
 */
export class ModelCatalog {
  readonly #options: CatalogOptions;
  readonly #stopped = new AbortController();
  readonly #models = new Map<string, { model: ModelInterface; print: string }>();
  readonly #prints: FingerPrints;
  #serial = 0;
  /** Models that are in the server's index but not offered, and why. */
  #faults = new Map<string, ConchError>();
  readonly #waiting = new Set<() => void>();
  #readiness: Readiness = { ready: false, reason: 'the server has not been reached yet' };
  #reached = false;
  #refreshing: Promise<void> | undefined;
  #checking: Promise<boolean> | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = firstPollMs;

  constructor(options: CatalogOptions) {
    this.#options = options;
    this.#prints = new FingerPrints(options.client, options.watchMs !== undefined);
  }

  /** Begins to poll. */
  start(): void {
    void this.refresh();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort(new ConchError('SERVER_STOPPING', 'the proxy is closing'));
    this.#wake();
  }

  get readiness(): Readiness {
    return this.#readiness;
  }

  /** The models offered, by name. */
  list(): ModelInterface[] {
    return [...this.#models.values()].map(({ model }) => model).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Models that the server has but that are not offered, with the reason. */
  faults(): { name: string; error: ConchError }[] {
    return [...this.#faults].map(([name, error]) => ({ name, error }));
  }

  /** Whether `name` may be offered, if the server has it. */
  isOffered(name: string): boolean {
    return this.#options.models?.includes(name) ?? true;
  }

  /** A model that is offered, without asking the server. */
  get(name: string): ModelInterface | undefined {
    return this.#models.get(name)?.model;
  }

  /**
   * A model that is offered; an unknown one may have been loaded since the last look, so the server is asked again.
   * @throws MODEL_NOT_FOUND listing those known, MODEL_NOT_READY, NOT_SUPPORTED, or SERVER_UNREACHABLE before first contact.
   */
  async find(name: string): Promise<ModelInterface> {
    const model = this.get(name);
    if (model) return model;
    await this.look();
    const found = this.get(name);
    if (found) return found;
    const fault = this.#faults.get(name);
    if (fault) throw fault;
    if (!this.#reached) throw new ConchError('SERVER_UNREACHABLE', `the server has not been reached yet`);
    const names = this.list().map((known) => `'${known.name}'`);
    const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
    throw new ConchError(
      'MODEL_NOT_FOUND',
      `no model '${shown}'; ${names.length === 0 ? 'the server has none ready' : `known are ${names.join(', ')}`}`,
    );
  }

  /** Asks the server now whether it is ready; concurrent calls share one question. */
  async check(): Promise<Readiness> {
    const { client } = this.#options;
    this.#checking ??= within(healthTimeoutMs, this.#stopped.signal, (signal) => client.isReady(signal)).finally(() => {
      this.#checking = undefined;
    });
    const { ready, reason } = await this.#checking.then(
      (answer) => ({ ready: answer, reason: 'the server is not ready' }),
      () => ({ ready: false, reason: 'the server cannot be reached' }),
    );
    if (ready !== this.#readiness.ready) {
      if (!ready) this.#readiness = { ready, reason: this.#notReady(reason) };
      await this.#soon(this.refresh());
    }
    return this.#readiness;
  }

  /** Reads the server's models again unless that was done a moment ago; does not wait for a server that hangs. */
  async look(): Promise<void> {
    if (this.#refreshing || performance.now() - this.#refreshedAt > refreshSpacingMs) await this.#soon(this.refresh());
  }

  async #soon(work: Promise<void>): Promise<void> {
    await within(healthTimeoutMs, undefined, () => work).catch(() => {});
  }

  /** A request to `model` failed in a way that may mean that the server or the model changed: look again soon. */
  doubt(model: string): void {
    const entry = this.#models.get(model);
    if (entry) entry.print = '';
    this.#pauseMs = firstPollMs;
    this.#schedule(Math.max(0, this.#refreshedAt + refreshSpacingMs - performance.now()));
  }

  /** Resolves when the server is ready and its models are known. */
  async whenReady(signal?: AbortSignal): Promise<void> {
    while (!this.#readiness.ready) {
      this.#stopped.signal.throwIfAborted();
      signal?.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal?.removeEventListener('abort', wake);
          this.#waiting.delete(wake);
          resolve();
        };
        signal?.addEventListener('abort', wake);
        this.#waiting.add(wake);
      });
    }
  }

  /** Reads the server's state and models; concurrent calls share one reading. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing ??= within(readTimeoutMs, this.#stopped.signal, (signal) => this.#read(signal))
      .catch((thrown) => this.#lost(toConchError(thrown)))
      .finally(() => {
        this.#refreshing = undefined;
        this.#refreshedAt = performance.now();
        if (this.#readiness.ready) {
          this.#pauseMs = firstPollMs;
          this.#wake();
          if (this.#options.watchMs !== undefined) this.#schedule(this.#options.watchMs);
        } else {
          this.#schedule(this.#pauseMs);
          this.#pauseMs = Math.min(slowestPollMs, this.#pauseMs * 1.6);
        }
      });
    return this.#refreshing;
  }

  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped.signal.aborted) return;
    this.#timer = setTimeout(() => void this.refresh(), milliseconds);
    this.#timer.unref();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #lost(error: ConchError): void {
    const reason =
      error.code === 'SERVER_UNREACHABLE' || error.code === 'DEADLINE_EXCEEDED'
        ? 'the server cannot be reached'
        : error.code === 'MODEL_NOT_READY'
          ? error.message
          : 'the server did not tell its models';
    if (this.#readiness.reason !== reason && !this.#stopped.signal.aborted) {
      this.#options.logger.warn({ code: error.code }, error.message);
    }
    this.#readiness = { ready: false, reason };
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { client, logger } = this.#options;
    const ready = await client.isReady(signal);
    this.#reached = true;
    const states = await this.#states(signal).catch((error) => {
      // A server that is starting answers health alone.
      throw ready ? error : new ConchError('MODEL_NOT_READY', 'the server is not ready', { cause: error });
    });
    const configs = new Map<string, Promise<ModelConfig>>();
    const config = (name: string): Promise<ModelConfig> => {
      const known = configs.get(name) ?? client.modelConfig(name, undefined, signal);
      configs.set(name, known);
      return known;
    };
    const faults = new Map<string, ConchError>();
    const fault = (name: string, error: ConchError, detail: string) => {
      this.#models.delete(name);
      faults.set(name, error);
      if (this.#faults.get(name)?.message !== error.message) {
        logger.warn({ model: name, code: error.code }, `model '${name}' is not offered: ${detail}`);
      }
    };
    for (const name of this.#models.keys()) if (!states.has(name)) this.#models.delete(name);
    const prints = await this.#prints.take(states, config, signal);
    const pending = [...states].reverse();
    const worker = async () => {
      for (let next = pending.pop(); next; next = pending.pop()) {
        const [name, { versions, state, reason }] = next;
        if (versions === '') {
          fault(name, new ConchError('MODEL_NOT_READY', `model '${name}' is not ready: ${state}`), reason || state);
        } else if (this.#models.get(name)?.print !== prints.get(name)) {
          try {
            const model = await this.#describe(name, config, signal);
            this.#models.set(name, { model: { ...model, serial: ++this.#serial }, print: prints.get(name)! });
            logger.info({ model: name, version: model.version }, `model '${name}' is offered`);
          } catch (thrown) {
            const error = toConchError(thrown);
            if (error.code === 'SERVER_UNREACHABLE' || error.code === 'REQUEST_CANCELLED') throw error;
            fault(name, error, error.message);
          }
        }
      }
    };
    await Promise.all(Array.from({ length: describedAtOnce }, worker));
    signal.throwIfAborted();
    this.#faults = faults;
    this.#readiness = ready ? { ready } : { ready, reason: this.#notReady('the server is not ready') };
  }

  #notReady(reason: string): string {
    const waiting = [...this.#faults].filter(([, { code }]) => code === 'MODEL_NOT_READY').map(([name]) => name);
    return waiting.length === 0 ? reason : `${reason}; not ready: ${waiting.sort().join(', ')}`;
  }

  /** Every model of the index (or of `models`) with its ready versions, and the state of one that has none. */
  async #states(signal: AbortSignal): Promise<Map<string, { versions: string; state: string; reason: string }>> {
    const { client, models } = this.#options;
    let index: ModelIndexEntry[];
    try {
      index = await client.index(signal);
    } catch (thrown) {
      const error = toConchError(thrown);
      // Servers can restrict the index; models that were named can be asked for one by one.
      if (!models || error.code !== 'SERVER_ERROR') throw error;
      return new Map(models.map((name) => [name, { versions: 'unknown', state: '', reason: '' }]));
    }
    const rows = Map.groupBy(index, ({ name }) => name);
    return new Map(
      (models ?? [...rows.keys()]).map((name) => {
        const versions = rows.get(name) ?? [];
        const ready = versions.filter(({ state }) => state === 'READY').map(({ version }) => version ?? '?');
        const state = versions.length === 0 ? 'not on the server' : (versions[0]!.state ?? 'not loaded');
        return [name, { versions: ready.sort().join(), state, reason: versions[0]?.reason ?? '' }];
      }),
    );
  }

  async #describe(
    name: string,
    config: (name: string) => Promise<ModelConfig>,
    signal: AbortSignal,
  ): Promise<ModelInterface> {
    const { client, labels = {} } = this.#options;
    const describe = async (model: string) => {
      return describeModel(await client.modelMetadata(model, undefined, signal), await config(model));
    };
    const model = await describe(name);
    const given = Object.hasOwn(labels, name) ? labels[name] : undefined;
    const classes = given
      ? givenClasses(model, given)
      : await learnClasses({ client, config, describe, signal }, model, await config(name));
    const classified = classes ? { ...model, classes } : model;
    return this.#withText(classified, { config, describe }, signal);
  }

  /** The model with what its texts allow: a tokenizer in the proxy, and a task. */
  async #withText(
    model: ModelInterface,
    source: {
      readonly config: (name: string) => Promise<ModelConfig>;
      readonly describe: (name: string) => Promise<ModelInterface>;
    },
    signal: AbortSignal,
  ): Promise<ModelInterface> {
    const { tokenizers, textPath = 'auto' } = this.#options;
    const own = await source.config(model.name);
    const pipeline = await textPipeline(source, model, own).catch((error) => {
      // A step that is not there fails the model's requests, not its description.
      if (toConchError(error).code === 'SERVER_ERROR') return undefined;
      throw error;
    });
    let text: DirectText | undefined;
    if (pipeline && textPath !== 'ensemble') {
      const { version } = await source.describe(pipeline.tokenizer);
      const tokenizer = await tokenizers?.open(pipeline, version, signal);
      if (tokenizer) text = { pipeline, tokenizer };
      else if (textPath === 'direct') {
        throw new ConchError(
          'NOT_SUPPORTED',
          `model '${model.name}': its tokenizer '${pipeline.tokenizer}' is not at hand`,
          {
            fix: 'give the folder that the server has its models from (--repository), or the tokenizer’s (--tokenizer)',
          },
        );
      }
    }
    const task = taskOf(model, own, text, pipeline && (await source.config(pipeline.encoder.name)));
    const tokenizer = pipeline && { model: pipeline.tokenizer, input: pipeline.tokenizerInput };
    return { ...model, ...(text && { text }), ...(tokenizer && { tokenizer }), ...(task && { task }) };
  }
}
