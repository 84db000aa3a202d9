import type { InferenceClient } from '../../client/index.ts';
import type { InferenceRequest, InferenceResponse, ModelMetadata } from '../../protocol/index.ts';
import type { Shadow } from './shadow.ts';
import type { SpreadClient } from './spread-client.ts';
import { VersionRoutes } from './versions.ts';

/** The servers as the proxy's routes see them: one, with a version chosen for what names none, and shadowed if told. */
export class RoutedClient implements InferenceClient {
  readonly spread: SpreadClient;
  readonly versions = new VersionRoutes();
  readonly shadow: Shadow | undefined;
  readonly #inFlight = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  constructor(spread: SpreadClient, shadow?: Shadow) {
    this.spread = spread;
    this.shadow = shadow;
  }

  get url(): string {
    return this.spread.url;
  }

  async infer(request: InferenceRequest): Promise<InferenceResponse> {
    const { model } = request;
    const version = request.version || this.versions.choose(model, (one) => this.spread.has(model, one)) || '';
    const routed = version === '' || version === request.version ? request : { ...request, version };
    const key = `${model}/${version}`;
    this.#inFlight.set(key, (this.#inFlight.get(key) ?? 0) + 1);
    const startedAt = performance.now();
    try {
      const response = await this.spread.infer(routed);
      this.shadow?.follow(routed, response, performance.now() - startedAt);
      return response;
    } finally {
      const left = this.#inFlight.get(key)! - 1;
      if (left > 0) this.#inFlight.set(key, left);
      else {
        this.#inFlight.delete(key);
        for (const wake of this.#waiting) wake();
      }
    }
  }

  /** Inferences under way that were sent to this version; '' are those whose version the server chose. */
  inFlight(model: string, version: string): number {
    return this.#inFlight.get(`${model}/${version}`) ?? 0;
  }

  /** Resolves when nothing is under way on that version, or when `signal` aborts; true when nothing is. */
  async drained(model: string, version: string, signal: AbortSignal): Promise<boolean> {
    while (this.inFlight(model, version) > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
    return this.inFlight(model, version) === 0;
  }

  /** Of the version that has most of the traffic, where none is named. */
  modelMetadata(name: string, version?: string, signal?: AbortSignal): Promise<ModelMetadata> {
    return this.spread.modelMetadata(name, version || this.versions.main(name), signal);
  }

  isLive: InferenceClient['isLive'] = (...args) => this.spread.isLive(...args);
  isReady: InferenceClient['isReady'] = (...args) => this.spread.isReady(...args);
  isModelReady: InferenceClient['isModelReady'] = (...args) => this.spread.isModelReady(...args);
  serverMetadata: InferenceClient['serverMetadata'] = (...args) => this.spread.serverMetadata(...args);
  modelConfig: InferenceClient['modelConfig'] = (...args) => this.spread.modelConfig(...args);
  index: InferenceClient['index'] = (...args) => this.spread.index(...args);
  statistics: InferenceClient['statistics'] = (...args) => this.spread.statistics(...args);

  async close(): Promise<void> {
    await this.shadow?.close();
    await this.spread.close();
  }
}
