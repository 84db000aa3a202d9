import { ConchError, toConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type {
  IncomingResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelStatistics,
  ServerMetadata,
} from '../../protocol/index.ts';
import { cancelled } from '../failures.ts';
import type {
  GenerateBody,
  GenerateOptions,
  InferRequest,
  LoadOptions,
  LogSettings,
  SystemSharedMemory,
  TraceSettings,
  TritonClient,
  UnloadOptions,
} from '../triton-client.ts';
import { Affinity } from './affinity.ts';
import type { Clock } from './clock.ts';
import { isPassing, Retries, type RetryOptions } from './retry.ts';
import { type BalancedServer, type BalanceOptions, Servers } from './servers.ts';

export interface BalancedClientOptions {
  readonly timeoutMs: number;
  readonly retry: RetryOptions;
  readonly balance: BalanceOptions;
  readonly clock: Clock;
  readonly random: () => number;
}

/** What is known of a call beside what it does. */
interface CallPlan {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly idempotent: boolean;
  /** The only server that can do it. */
  readonly only?: BalancedServer | undefined;
}

type Attempt<T> = (server: BalancedServer, signal: AbortSignal | undefined, timeoutMs: number) => Promise<T>;

/**
 * One client over several servers, or over one with retries. Inference and questions go to one of them; what changes a
 * server (models, shared memory, settings) goes to all. Repeated are calls that change nothing, within the one deadline
 * of the call.
 */
export class BalancedClient implements TritonClient {
  readonly url: string;
  readonly systemSharedMemory: SystemSharedMemory = {
    register: async (name, region, signal) => {
      await this.#everywhere((client) => client.systemSharedMemory.register(name, region, signal));
    },
    unregister: async (name, signal) => {
      await this.#everywhere((client) => client.systemSharedMemory.unregister(name, signal));
    },
    status: (name, signal) => this.#ask(signal, (client, one) => client.systemSharedMemory.status(name, one)),
  };
  readonly #options: BalancedClientOptions;
  readonly #servers: Servers;
  readonly #retries: Retries;
  readonly #affinity = new Affinity();

  constructor(clients: readonly TritonClient[], options: BalancedClientOptions) {
    this.url = clients.map(({ url }) => url).join(',');
    this.#options = options;
    this.#servers = new Servers(clients, options.balance, options.clock, options.random);
    this.#retries = new Retries(options.retry, options.random);
  }

  /** Each server with its state, in the order of the addresses. */
  get servers(): readonly BalancedServer[] {
    return this.#servers.all;
  }

  isLive(signal?: AbortSignal): Promise<boolean> {
    return this.#anywhere((client) => client.isLive(signal));
  }
  isReady(signal?: AbortSignal): Promise<boolean> {
    return this.#anywhere((client) => client.isReady(signal));
  }
  isModelReady(name: string, version?: string, signal?: AbortSignal): Promise<boolean> {
    return this.#anywhere((client) => client.isModelReady(name, version, signal));
  }
  serverMetadata(signal?: AbortSignal): Promise<ServerMetadata> {
    return this.#ask(signal, (client, one) => client.serverMetadata(one));
  }
  modelMetadata(name: string, version?: string, signal?: AbortSignal): Promise<ModelMetadata> {
    return this.#ask(signal, (client, one) => client.modelMetadata(name, version, one));
  }
  modelConfig(name: string, version?: string, signal?: AbortSignal): Promise<ModelConfig> {
    return this.#ask(signal, (client, one) => client.modelConfig(name, version, one));
  }
  index(signal?: AbortSignal): Promise<ModelIndexEntry[]> {
    return this.#ask(signal, (client, one) => client.index(one));
  }
  statistics(name?: string, version?: string, signal?: AbortSignal): Promise<ModelStatistics[]> {
    return this.#ask(signal, (client, one) => client.statistics(name, version, one));
  }

  async infer(request: InferRequest): Promise<IncomingResponse> {
    const { model, sequence } = request;
    const only = sequence && this.#affinity.of(model, sequence);
    const plan = { ...request, idempotent: isIdempotent(request), only };
    return this.#run(plan, (server, signal, timeoutMs) => {
      if (sequence) this.#affinity.note(model, sequence, server);
      return server.client.infer({ ...request, signal, timeoutMs });
    });
  }

  stream(request: InferRequest): AsyncGenerator<IncomingResponse> {
    const { model, sequence } = request;
    const only = sequence && this.#affinity.of(model, sequence);
    const plan = { ...request, idempotent: isIdempotent(request), only };
    return this.#runStream(plan, (server) => {
      if (sequence) this.#affinity.note(model, sequence, server);
      return server.client.stream(request);
    });
  }

  generate(model: string, body: GenerateBody, options: GenerateOptions = {}): Promise<GenerateBody> {
    return this.#run({ ...options, idempotent: true }, ({ client }, signal, timeoutMs) =>
      client.generate(model, body, { ...options, signal, timeoutMs }),
    );
  }
  generateStream(model: string, body: GenerateBody, options: GenerateOptions = {}): AsyncGenerator<GenerateBody> {
    return this.#runStream({ ...options, idempotent: true }, ({ client }) =>
      client.generateStream(model, body, options),
    );
  }

  async loadModel(name: string, options?: LoadOptions): Promise<void> {
    await this.#everywhere((client) => client.loadModel(name, options));
  }
  async unloadModel(name: string, options?: UnloadOptions): Promise<void> {
    await this.#everywhere((client) => client.unloadModel(name, options));
  }
  traceSettings(model?: string, signal?: AbortSignal): Promise<TraceSettings> {
    return this.#ask(signal, (client, one) => client.traceSettings(model, one));
  }
  async updateTraceSettings(
    changes: Readonly<Record<string, string | readonly string[] | null>>,
    model?: string,
    signal?: AbortSignal,
  ): Promise<TraceSettings> {
    return (await this.#everywhere((client) => client.updateTraceSettings(changes, model, signal)))[0]!;
  }
  logSettings(signal?: AbortSignal): Promise<LogSettings> {
    return this.#ask(signal, (client, one) => client.logSettings(one));
  }
  async updateLogSettings(changes: Partial<LogSettings>, signal?: AbortSignal): Promise<LogSettings> {
    return (await this.#everywhere((client) => client.updateLogSettings(changes, signal)))[0]!;
  }

  async close(): Promise<void> {
    this.#servers.close();
    await Promise.all(this.#servers.all.map(({ client }) => client.close()));
  }

  #ask<T>(
    signal: AbortSignal | undefined,
    question: (client: TritonClient, signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#run({ signal, idempotent: true }, ({ client }, one, timeoutMs) => {
      // The first attempt has the client's own time; a later one only what is left of it.
      const whole = timeoutMs >= this.#options.timeoutMs;
      const left = whole ? [] : [AbortSignal.timeout(Math.ceil(timeoutMs))];
      const signals = one ? [one, ...left] : left;
      return question(client, signals.length > 1 ? AbortSignal.any(signals) : signals[0]);
    });
  }

  async #run<T>(plan: CallPlan, attempt: Attempt<T>): Promise<T> {
    const { signal, timeoutMs = this.#options.timeoutMs } = plan;
    const deadline = this.#options.clock.now() + timeoutMs;
    const tried = new Set<BalancedServer>();
    for (let number = 0; ; number++) {
      const server = plan.only ?? this.#servers.pick(tried);
      const ended = this.#servers.begin(server);
      try {
        const answer = await attempt(server, signal, number === 0 ? timeoutMs : deadline - this.#options.clock.now());
        ended(undefined);
        this.#retries.budget.earn();
        return answer;
      } catch (thrown) {
        const error = toConchError(thrown);
        ended(error);
        tried.add(server);
        if (!(await this.#again(plan, error, number, tried, deadline))) throw thrown;
      }
    }
  }

  /** As `#run`, up to the first response: what has been given cannot be taken back. */
  async *#runStream<T>(plan: CallPlan, attempt: (server: BalancedServer) => AsyncIterable<T>): AsyncGenerator<T> {
    const deadline = this.#options.clock.now() + (plan.timeoutMs ?? this.#options.timeoutMs);
    const tried = new Set<BalancedServer>();
    for (let number = 0; ; number++) {
      const server = plan.only ?? this.#servers.pick(tried);
      const ended = this.#servers.begin(server);
      let begun = false;
      let failure: ConchError | undefined = new ConchError('REQUEST_CANCELLED', 'the stream was left');
      try {
        for await (const response of attempt(server)) {
          begun = true;
          yield response;
        }
        failure = undefined;
        this.#retries.budget.earn();
        return;
      } catch (thrown) {
        failure = toConchError(thrown);
        tried.add(server);
        if (begun || !(await this.#again(plan, failure, number, tried, deadline))) throw thrown;
      } finally {
        ended(failure);
      }
    }
  }

  /** Whether a call that failed shall be repeated; waits until it is time. */
  async #again(
    { signal, idempotent, only }: CallPlan,
    error: ConchError,
    number: number,
    tried: ReadonlySet<BalancedServer>,
    deadline: number,
  ): Promise<boolean> {
    if (!idempotent || !isPassing(error) || number >= this.#retries.limit || signal?.aborted) return false;
    // What one server asks for does not concern another.
    const elsewhere = only === undefined && this.#servers.hasFresh(tried);
    const delay = elsewhere ? 0 : this.#retries.delay(number, error);
    if (delay === undefined || this.#options.clock.now() + delay >= deadline || !this.#retries.budget.spend())
      return false;
    if (delay === 0) return true;
    try {
      await this.#options.clock.sleep(delay, signal);
    } catch {
      throw cancelled(signal!);
    }
    return true;
  }

  /** Whether any server says yes; throws what the first one threw where none of them answered. */
  async #anywhere(question: (client: TritonClient) => Promise<boolean>): Promise<boolean> {
    const answers = await Promise.allSettled(this.#servers.all.map(({ client }) => question(client)));
    if (answers.some((answer) => answer.status === 'fulfilled' && answer.value)) return true;
    if (answers.some((answer) => answer.status === 'fulfilled')) return false;
    throw (answers[0] as PromiseRejectedResult).reason;
  }

  /** Throws where one of the servers failed; those that did not have been changed. */
  async #everywhere<T>(change: (client: TritonClient) => Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(this.#servers.all.map(({ client }) => change(client)));
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed.length === 0) return results.map((result) => (result as PromiseFulfilledResult<T>).value);
    const error = toConchError(failed[0]!.reason);
    if (results.length === 1) throw error;
    const message = `${failed.length} of ${results.length} servers failed: ${error.message}`;
    throw new ConchError(error.code, message, { status: error.status, cause: error });
  }
}

/** A request of a sequence changes the model's state; any other may be repeated unless its caller says no. */
function isIdempotent({ idempotent, sequence }: InferRequest): boolean {
  return sequence === undefined && idempotent !== false;
}
