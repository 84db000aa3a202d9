import { ConchError, type Logger, toConchError } from '../../base/index.ts';
import { type InferenceClient, type InferRequest, RetryBudget } from '../../client/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type {
  InferenceRequest,
  InferenceResponse,
  ModelIndexEntry,
  ModelMetadata,
  ModelStatistics,
  ServerMetadata,
} from '../../protocol/index.ts';
import { within } from '../deadline.ts';
import { currentSpan } from '../operations/index.ts';
import type { CircuitOptions } from './circuit.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';
import { hashOf } from './hash-of.ts';
import { verdictOf } from './verdict.ts';

export interface SpreadOptions {
  readonly circuit?: CircuitOptions;
  /** Other servers that one inference is tried on when its first fails; default 2. */
  readonly retries?: number;
  /** Milliseconds between two looks at every server, where there are several; default 2,000. */
  readonly healthIntervalMs?: number;
  readonly logger?: Logger;
}

const lookTimeoutMs = 2000;

/**
 * Several servers as one. An inference goes to the server with the fewest under way for its weight, of those that are
 * in rotation and have the model; when the server fails it goes to another one, unless it belongs to a sequence, whose
 * state lives in one server. One server alone is a case of it: it then fails fast while it cannot be reached.
 */
export class SpreadClient implements InferenceClient {
  readonly endpoints: readonly Endpoint[];
  readonly #retries: number;
  /** A fifth of the requests over time, and a hundred at once. */
  readonly #budget = new RetryBudget({ reserve: 100, ratio: 0.2 });
  readonly #logger: Logger | undefined;
  readonly #stopped = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #shown = new Map<Endpoint, string>();
  #looking: Promise<void> | undefined;
  #turn = 0;
  /** Inferences that were sent to a second server. */
  retried = 0;

  constructor(servers: readonly EndpointOptions[], options: SpreadOptions = {}) {
    if (servers.length === 0) throw new ConchError('USAGE', 'no server is named');
    this.endpoints = servers.map((server) => new Endpoint(server, options.circuit ?? {}));
    this.#retries = options.retries ?? 2;
    this.#logger = options.logger;
    if (servers.length > 1) {
      this.#timer = setInterval(() => void this.look(), options.healthIntervalMs ?? 2000);
      this.#timer.unref();
      void this.look();
    }
  }

  get url(): string {
    return this.endpoints.map(({ url }) => url).join(', ');
  }

  /** Asks all servers whether they are ready and what they have; concurrent calls share one look. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= Promise.all(
      this.endpoints.map((endpoint) =>
        within(lookTimeoutMs, this.#stopped.signal, (signal) => endpoint.look(signal)).catch(() => {
          endpoint.health = 'unreachable';
        }),
      ),
    ).then(() => {
      this.#looking = undefined;
      this.#tell();
    });
    return this.#looking;
  }

  /** Whether any server that is in rotation has that version ready, as far as is known. */
  has(model: string, version?: string): boolean {
    return this.endpoints.some((endpoint) => endpoint.inRotation && endpoint.has(model, version));
  }

  async infer(request: InferenceRequest): Promise<InferenceResponse> {
    const { sequence, signal } = request;
    const inSequence = sequence !== undefined && sequence.id !== 0 && sequence.id !== '';
    const tried = new Set<Endpoint>();
    this.#budget.earn();
    for (let left = inSequence ? 0 : this.#retries; ; left--) {
      const endpoint = inSequence ? this.#ofSequence(request) : this.#choose(request, tried);
      tried.add(endpoint);
      try {
        return await this.#run(endpoint, request);
      } catch (thrown) {
        const error = toConchError(thrown);
        const again = verdictOf(error, signal?.aborted === true).retry && left > 0 && signal?.aborted !== true;
        if (!again || !this.#anotherFor(request, tried) || !this.#budget.spend()) throw error;
        this.retried++;
        // It may have been sent there because of what is no longer so.
        void this.look();
      }
    }
  }

  async isLive(signal?: AbortSignal): Promise<boolean> {
    return this.#any((endpoint) => endpoint.client.isLive(signal));
  }

  /** True while any server is. Servers that could not be reached are taken back when they can. */
  async isReady(signal?: AbortSignal): Promise<boolean> {
    try {
      return await this.#any((endpoint) => endpoint.askReady(signal));
    } finally {
      this.#tell();
    }
  }

  isModelReady(name: string, version?: string, signal?: AbortSignal): Promise<boolean> {
    return this.#any((endpoint) => endpoint.client.isModelReady(name, version, signal));
  }

  serverMetadata(signal?: AbortSignal): Promise<ServerMetadata> {
    return this.#first(undefined, (endpoint) => endpoint.client.serverMetadata(signal), signal);
  }

  modelMetadata(name: string, version?: string, signal?: AbortSignal): Promise<ModelMetadata> {
    return this.#first(name, (endpoint) => endpoint.client.modelMetadata(name, version, signal), signal, version);
  }

  modelConfig(name: string, version?: string, signal?: AbortSignal): Promise<ModelConfig> {
    return this.#first(name, (endpoint) => endpoint.client.modelConfig(name, version, signal), signal, version);
  }

  /** Of all servers together: a version is ready when it is so on one of them. */
  async index(signal?: AbortSignal): Promise<ModelIndexEntry[]> {
    const rows = new Map<string, ModelIndexEntry>();
    for (const row of (await this.#all((endpoint) => endpoint.client.index(signal))).flat()) {
      const key = `${row.name}/${row.version ?? ''}`;
      if (rows.get(key)?.state !== 'READY') rows.set(key, row);
    }
    return [...rows.values()];
  }

  /** The rows of each server, one after the other. */
  async statistics(name?: string, version?: string, signal?: AbortSignal): Promise<ModelStatistics[]> {
    return (await this.#all((endpoint) => endpoint.client.statistics(name, version, signal))).flat();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await Promise.all(this.endpoints.map(({ client }) => client.close()));
  }

  async #run(endpoint: Endpoint, request: InferenceRequest): Promise<InferenceResponse> {
    const { circuit } = endpoint;
    const { model, version } = request;
    const span = currentSpan()?.child(`infer ${model}`);
    const traced: InferenceRequest & Pick<InferRequest, 'headers'> = span
      ? { ...request, headers: span.headers }
      : request;
    let failed = true;
    circuit.sent();
    endpoint.inFlight++;
    try {
      const response = await endpoint.client.infer(traced);
      endpoint.requests.succeeded++;
      circuit.succeeded();
      failed = false;
      return response;
    } catch (thrown) {
      const { signal } = request;
      const { fault } = verdictOf(toConchError(signal?.aborted ? signal.reason : thrown), signal?.aborted === true);
      if (fault === undefined) {
        // What the client asked for was wrong, or it left: neither is for or against the server.
        circuit.abandoned();
      } else {
        endpoint.requests.failed++;
        circuit.failed(fault, !this.#anotherFor(request, new Set([endpoint])));
        if (circuit.fault !== undefined) this.#tell();
      }
      throw thrown;
    } finally {
      span?.end({
        failed,
        attributes: { 'server.address': endpoint.url, 'conch.model': model, 'conch.version': version },
      });
      endpoint.inFlight--;
    }
  }

  /** The server for a request. @throws SERVER_UNREACHABLE when none is left. */
  #choose({ model, version }: InferenceRequest, tried: ReadonlySet<Endpoint>): Endpoint {
    // That a model is on no server may be out of date, and servers say it best themselves.
    const rank = (endpoint: Endpoint) => endpoint.reserve + (endpoint.has(model, version) ? 0 : 10);
    const candidates = this.#best(rank, tried);
    const load = ({ inFlight, weight }: Endpoint) => (inFlight + 1) / weight;
    const least = Math.min(...candidates.map(load));
    const equal = candidates.filter((endpoint) => load(endpoint) === least);
    return equal[this.#turn++ % equal.length]!;
  }

  /** The server of a sequence: always the same while it is in rotation. */
  #ofSequence({ model, sequence }: InferenceRequest): Endpoint {
    const place = ({ url }: Endpoint) => hashOf(`${url} ${model} ${sequence!.id}`);
    return this.#best(({ reserve }) => reserve).reduce((best, one) => (place(one) > place(best) ? one : best));
  }

  #best(rank: (endpoint: Endpoint) => number, tried?: ReadonlySet<Endpoint>): Endpoint[] {
    const open = this.endpoints.filter((one) => Number.isFinite(one.reserve) && !tried?.has(one));
    if (open.length === 0) throw this.#nobody();
    const best = Math.min(...open.map(rank));
    return open.filter((endpoint) => rank(endpoint) === best);
  }

  #anotherFor({ model, version }: InferenceRequest, tried: ReadonlySet<Endpoint>): boolean {
    return this.endpoints.some((one) => one.inRotation && !tried.has(one) && one.has(model, version));
  }

  #nobody(): ConchError {
    const waitMs = Math.min(...this.endpoints.map(({ circuit }) => circuit.waitMs));
    const soon = waitMs > 0 ? `; the next attempt is in ${Math.ceil(waitMs / 1000)} s` : '';
    return new ConchError('SERVER_UNREACHABLE', `no server is in rotation${soon}`);
  }

  /** True as soon as one server says so, whatever the others do; rejects when none could be asked. */
  #any(ask: (endpoint: Endpoint) => Promise<boolean>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const yes = async (endpoint: Endpoint) => {
        const answer = await ask(endpoint);
        if (answer) resolve(true);
        return answer;
      };
      this.#all(yes).then((answers) => resolve(answers.includes(true)), reject);
    });
  }

  /** What all servers say that can be asked; rejects when none can. Of several none may hold up the others. */
  async #all<T>(ask: (endpoint: Endpoint) => Promise<T>): Promise<T[]> {
    const patient = this.endpoints.length === 1;
    const settled = await Promise.allSettled(
      this.endpoints.map((one) => (patient ? ask(one) : within(lookTimeoutMs, undefined, () => ask(one)))),
    );
    const answers = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    if (answers.length === 0) throw (settled[0] as PromiseRejectedResult).reason;
    return answers;
  }

  /** What the first server says that can be asked, those that have the model first. */
  async #first<T>(
    model: string | undefined,
    ask: (endpoint: Endpoint) => Promise<T>,
    signal: AbortSignal | undefined,
    version?: string,
  ): Promise<T> {
    const rank = (one: Endpoint) =>
      Math.min(one.reserve, 4) + (model === undefined || one.has(model, version) ? 0 : 10);
    let failure: unknown;
    for (const endpoint of [...this.endpoints].sort((a, b) => rank(a) - rank(b))) {
      try {
        return await ask(endpoint);
      } catch (error) {
        failure ??= error;
        if (signal?.aborted) break;
      }
    }
    throw failure;
  }

  /** One line in the log whenever a server leaves the rotation or comes back. */
  #tell(): void {
    if (this.endpoints.length === 1) return;
    for (const endpoint of this.endpoints) {
      const { fault, state } = endpoint.circuit;
      const now = state === 'closed' ? (endpoint.health ?? 'ready') : `left out: ${fault}`;
      const before = this.#shown.get(endpoint) ?? 'ready';
      this.#shown.set(endpoint, now);
      if (now !== before) this.#logger?.[now === 'ready' ? 'info' : 'warn']({ server: endpoint.url }, `server ${now}`);
    }
  }
}
