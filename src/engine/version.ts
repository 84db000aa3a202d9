import { ConchError, toConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';
import type { InferenceRequest } from '../protocol/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Admission } from './admission.ts';
import type { Clock } from './clock.ts';
import type { Durations } from './request.ts';
import type { Runner } from './runner.ts';
import type { ModelCounters, StatisticsRecorder } from './statistics.ts';

export interface VersionParts {
  readonly name: string;
  readonly version: number;
  readonly config: ModelConfig;
  readonly admission: Admission;
  readonly runner: Runner;
  readonly recorder: StatisticsRecorder;
  /** Labels by output. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly clock: Clock;
  readonly loadSeconds: number;
}

/** A response before the engine puts names on it. */
export interface VersionResponse {
  readonly outputs: readonly Tensor[];
  readonly durations: Durations;
}

/**
 * A version that serves, from ready until the last request that holds it is done. Retired, it takes no new requests
 * from outside (nobody finds it any more), finishes those it has, and then frees its runner.
 */
export class ServedVersion {
  readonly name: string;
  readonly version: number;
  readonly config: ModelConfig;
  readonly admission: Admission;
  readonly labels: Readonly<Record<string, readonly string[]>>;
  readonly #parts: VersionParts;
  #holders = 0;
  #retired: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(parts: VersionParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.version = parts.version;
    this.config = parts.config;
    this.admission = parts.admission;
    this.labels = parts.labels;
  }

  get healthy(): boolean {
    return this.#parts.runner.healthy;
  }

  acquire(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#retired?.();
  }

  /** Checks, schedules and runs a request; outputs come in the order asked for, in the config's shapes. */
  async infer(request: InferenceRequest): Promise<VersionResponse> {
    const { admission, runner, recorder, clock } = this.#parts;
    const admitted = admission.admit(request);
    const arrivedAt = clock.now();
    this.acquire();
    try {
      const { outputs, durations } = await runner.run(admitted, request);
      recorder.succeeded(admitted.rows, (clock.now() - arrivedAt) * 1e6, durations);
      return { outputs: outputs.map((output) => admission.finish(output)), durations };
    } catch (thrown) {
      const error = toConchError(thrown);
      // Refused at the door of its own queue: Triton counts such requests nowhere.
      const counts = error.code !== 'QUEUE_FULL' || this.config.platform === 'ensemble';
      if (counts) recorder.failed((clock.now() - arrivedAt) * 1e6, error);
      throw error;
    } finally {
      this.release();
    }
  }

  counters(): ModelCounters {
    const { recorder, runner, loadSeconds } = this.#parts;
    return {
      statistics: recorder.snapshot(this.name, String(this.version)),
      failures: recorder.failures,
      pending: runner.pending,
      loadSeconds,
    };
  }

  /** Resolves when the last request is done and everything is freed. */
  retire(): Promise<void> {
    this.#closed ??= this.#drain().then(() => this.#parts.runner.close(this.#stopped()));
    return this.#closed;
  }

  /** Frees everything at once: what waits or runs fails with SERVER_STOPPING. */
  async abandon(): Promise<void> {
    await this.#parts.runner.close(this.#stopped());
    await this.retire();
  }

  #drain(): Promise<void> {
    if (this.#holders === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#retired = resolve;
    });
  }

  #stopped(): ConchError {
    return new ConchError(
      'SERVER_STOPPING',
      `model '${this.name}' version ${this.version} was stopped before it answered`,
    );
  }
}
