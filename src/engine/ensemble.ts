import { ConchError, toConchError } from '../base/index.ts';
import { type ModelConfig, toInteger } from '../config/index.ts';
import type { InferenceRequest } from '../protocol/index.ts';
import type { Admission } from './admission.ts';
import type { BackendEvent } from './backend.ts';
import { Flow, type PinnedStep, type Step } from './ensemble-flow.ts';
import { Gate } from './gate.ts';
import type { AdmittedRequest, Durations, Outcome } from './request.ts';
import type { Runner } from './runner.ts';
import { maxBatchSizeOf } from './tensors.ts';
import type { ServedVersion } from './version.ts';

/** Finds a composing model's version (-1: the newest ready); throws MODEL_NOT_FOUND or MODEL_NOT_READY. */
export type FindVersion = (name: string, version: number) => ServedVersion;

/**
 * A graph of models. Which steps a request needs, the versions that it holds on to, and how errors read; `Flow` runs
 * them.
 */
export class Ensemble implements Runner {
  readonly pending = 0;
  readonly resizable = false;
  readonly #name: string;
  readonly #steps: readonly Step[];
  readonly #batched: boolean;
  readonly #admission: Admission;
  readonly #find: FindVersion;
  readonly #onExecution: (rows: number, durations: Durations) => void;

  constructor(
    config: ModelConfig,
    admission: Admission,
    options: { readonly find: FindVersion; readonly onExecution: (rows: number, durations: Durations) => void },
  ) {
    const { step = [], max_inflight_requests: limit } = config.ensemble_scheduling ?? {};
    this.#name = config.name!;
    this.#admission = admission;
    this.#batched = maxBatchSizeOf(config) > 0;
    this.#find = options.find;
    this.#onExecution = options.onExecution;
    this.#steps = step.map((step, index) => ({
      index,
      model: step.model_name!,
      version: toInteger(step.model_version),
      inputs: Object.entries(step.input_map ?? {}),
      outputs: Object.entries(step.output_map ?? {}),
      gate: new Gate(limit || Number.POSITIVE_INFINITY),
    }));
  }

  get healthy(): boolean {
    return this.#steps.every((step) => {
      try {
        return this.#find(step.model, step.version).healthy;
      } catch {
        return false;
      }
    });
  }

  async run(
    admitted: AdmittedRequest,
    request: InferenceRequest,
    onResponse?: (event: BackendEvent) => void,
  ): Promise<Outcome> {
    const pinned: PinnedStep[] = [];
    try {
      // Held for the whole request, so that none can be unloaded underneath it.
      for (const step of this.#prune(admitted.outputs)) {
        const served = this.#findFor(step);
        served.acquire();
        pinned.push({ step, served });
      }
      const outcome = await new Flow(pinned, admitted, request, {
        name: this.#name,
        batched: this.#batched,
        admission: this.#admission,
        blame: (step, thrown) => this.#blame(step, thrown),
        onResponse,
      }).run();
      this.#onExecution(admitted.rows, outcome.durations);
      onResponse?.({ response: undefined, final: true });
      return outcome;
    } finally {
      for (const { served } of pinned) served.release();
    }
  }

  async resize(): Promise<void> {}

  /** An ensemble hands the sequence on to its members. */
  continues(request: InferenceRequest): boolean {
    return this.#steps.some((step) => {
      try {
        return this.#find(step.model, step.version).continues(request);
      } catch {
        return false;
      }
    });
  }

  async close(): Promise<void> {}

  #findFor(step: Step): ServedVersion {
    try {
      return this.#find(step.model, step.version);
    } catch (thrown) {
      throw this.#blame(step, thrown);
    }
  }

  /** A step's error as the ensemble's: same code and status, with the way to it in front. */
  #blame(step: Step, thrown: unknown): ConchError {
    const error = toConchError(thrown);
    return new ConchError(
      error.code,
      `ensemble '${this.#name}', step ${step.index} '${step.model}': ${error.message}`,
      {
        status: error.status,
        cause: error,
        ...(error.where && { where: error.where }),
        ...(error.fix && { fix: error.fix }),
      },
    );
  }

  /** The steps that some requested output hangs on. */
  #prune(outputs: readonly string[]): Step[] {
    const wanted = new Set(outputs);
    const needed = new Set<Step>();
    for (let size = -1; size !== needed.size; ) {
      size = needed.size;
      for (const step of this.#steps) {
        if (needed.has(step) || !step.outputs.some(([, tensor]) => wanted.has(tensor))) continue;
        needed.add(step);
        for (const [, tensor] of step.inputs) wanted.add(tensor);
      }
    }
    return this.#steps.filter((step) => needed.has(step));
  }
}
