import type { InferenceClient, TritonClient } from '../../client/index.ts';
import { Circuit, type CircuitOptions } from './circuit.ts';

/** What the proxy needs of a server's client; what only administration needs may be missing. */
export type ServerClient = InferenceClient & Partial<Pick<TritonClient, Administration>>;

type Administration =
  | 'loadModel'
  | 'unloadModel'
  | 'logSettings'
  | 'updateLogSettings'
  | 'traceSettings'
  | 'updateTraceSettings'
  | 'systemSharedMemory';

export interface EndpointOptions {
  readonly client: ServerClient;
  /** Share of the requests in proportion to the others'; default 1. */
  readonly weight?: number | undefined;
}

/** One of the servers behind the proxy, as far as is known of it. */
export class Endpoint {
  readonly client: ServerClient;
  readonly weight: number;
  readonly circuit: Circuit;
  inFlight = 0;
  /** What came of asking last whether it is ready; undefined before it was asked. */
  health: 'ready' | 'not ready' | 'unreachable' | undefined;
  /** Taken out on purpose, e.g. while a model is loaded. */
  paused = false;
  requests = { succeeded: 0, failed: 0 };
  #models: ReadonlyMap<string, ReadonlySet<string>> | undefined;

  constructor({ client, weight = 1 }: EndpointOptions, circuit: CircuitOptions) {
    this.client = client;
    this.weight = weight;
    this.circuit = new Circuit(circuit);
  }

  get url(): string {
    return this.client.url;
  }

  /** Whether it takes its share of the requests. */
  get inRotation(): boolean {
    return this.reserve === 0;
  }

  /**
   * 0: in rotation. Above: to be asked only where no server of a lower number is left. A server may say that it is not
   * ready because of one model, and answer for all others. Infinity: not to be asked at all.
   */
  get reserve(): number {
    if (this.paused) return Number.POSITIVE_INFINITY;
    if (!this.circuit.allows) return this.circuit.fault === 'failing' ? 3 : Number.POSITIVE_INFINITY;
    return this.health === 'not ready' ? 1 : this.health === 'unreachable' ? 2 : 0;
  }

  /** Whether it has a version of the model ready, or, of no version, any; true while that is not known. */
  has(model: string, version?: string): boolean {
    if (!this.#models) return true;
    const versions = this.#models.get(model);
    return versions !== undefined && (version === undefined || version === '' || versions.has(version));
  }

  /** Asks whether it is ready. Rejects where it cannot be asked. */
  async askReady(signal: AbortSignal | undefined): Promise<boolean> {
    try {
      const ready = await this.client.isReady(signal);
      this.health = ready ? 'ready' : 'not ready';
      if (ready) this.circuit.reachable();
      return ready;
    } catch (error) {
      this.health = 'unreachable';
      throw error;
    }
  }

  /** Asks whether it is ready and which models it has. Never rejects. */
  async look(signal: AbortSignal): Promise<void> {
    try {
      await this.askReady(signal);
    } catch {
      return;
    }
    try {
      const rows = (await this.client.index(signal)).filter(({ state }) => state === 'READY');
      const models = Map.groupBy(rows, ({ name }) => name);
      this.#models = new Map(
        [...models].map(([name, list]) => [name, new Set(list.map(({ version }) => version ?? ''))]),
      );
    } catch {
      // The index may be restricted.
      this.#models = undefined;
    }
  }
}
