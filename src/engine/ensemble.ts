import { ConchError, toConchError } from '../base/index.ts';
import { type ModelConfig, toInteger } from '../config/index.ts';
import type { InferenceRequest } from '../protocol/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Admission } from './admission.ts';
import { Gate } from './gate.ts';
import type { AdmittedRequest, Durations, Outcome } from './request.ts';
import type { Runner } from './runner.ts';
import { fits, maxBatchSizeOf } from './tensors.ts';
import type { ServedVersion } from './version.ts';

/** Finds a composing model's version (-1: the newest ready); throws MODEL_NOT_FOUND or MODEL_NOT_READY. */
export type FindVersion = (name: string, version: number) => ServedVersion;

interface Step {
  readonly index: number;
  readonly model: string;
  readonly version: number;
  /** Model input to ensemble tensor. */
  readonly inputs: readonly (readonly [string, string])[];
  /** Model output to ensemble tensor. */
  readonly outputs: readonly (readonly [string, string])[];
  readonly gate: Gate;
}

/** A tensor between steps; `undefined` in the flow's map stands for one that was not given or not produced. */
interface FlowTensor {
  readonly tensor: Tensor;
  /** Whether it came with a batch dimension. */
  readonly batched: boolean;
}

/**
 * Runs a graph of models, event by event: a step starts when the tensors it needs are there, steps that do not wait for
 * each other run at the same time, and steps that feed no requested output are left out.
 */
export class Ensemble implements Runner {
  readonly pending = 0;
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

  async run(admitted: AdmittedRequest, request: InferenceRequest): Promise<Outcome> {
    const steps = this.#prune(admitted.outputs);
    // Pinned for the whole request, so that none can be unloaded underneath it.
    const pinned: { step: Step; served: ServedVersion }[] = [];
    try {
      for (const step of steps) {
        const served = this.#findFor(step);
        served.acquire();
        pinned.push({ step, served });
      }
      const outcome = await this.#flow(pinned, admitted, request);
      this.#onExecution(admitted.rows, outcome.durations);
      return outcome;
    } finally {
      for (const { served } of pinned) served.release();
    }
  }

  async close(): Promise<void> {}

  #flow(
    steps: readonly { step: Step; served: ServedVersion }[],
    admitted: AdmittedRequest,
    request: InferenceRequest,
  ): Promise<Outcome> {
    const flow = new Map<string, FlowTensor | undefined>();
    for (const { name } of this.#admission.inputs) {
      const tensor = admitted.inputs.find((input) => input.name === name);
      flow.set(name, tensor && { tensor, batched: this.#batched });
    }
    const times = { queue: 0, computeInput: 0, computeInfer: 0, computeOutput: 0 };
    let waiting = [...steps];
    let running = 0;
    let failure: ConchError | undefined;
    return new Promise((resolve, reject) => {
      const advance = (): void => {
        if (!failure) {
          const ready = waiting.filter(({ step }) => step.inputs.every(([, tensor]) => flow.has(tensor)));
          waiting = waiting.filter((entry) => !ready.includes(entry));
          running += ready.length;
          for (const { step, served } of ready) void perform(step, served);
        }
        // The first error wins, but steps that are under way are waited for: they hold models and memory.
        if (running > 0) return;
        try {
          if (failure) throw failure;
          resolve({ outputs: this.#collect(flow, admitted), durations: times });
        } catch (error) {
          reject(error);
        }
      };
      const perform = async (step: Step, served: ServedVersion): Promise<void> => {
        await step.gate.enter();
        try {
          if (!failure) {
            const result = await served.infer(internalRequest(step, served, flow, request));
            add(times, result.durations);
            const byName = new Map(result.outputs.map((output) => [output.name, output]));
            for (const [output, tensor] of step.outputs) {
              const produced = byName.get(output);
              flow.set(tensor, produced && { tensor: produced, batched: served.admission.maxBatchSize > 0 });
            }
          }
        } catch (thrown) {
          failure ??= this.#blame(step, thrown);
        }
        step.gate.leave();
        running -= 1;
        advance();
      };
      advance();
    });
  }

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

  #collect(flow: ReadonlyMap<string, FlowTensor | undefined>, admitted: AdmittedRequest): Tensor[] {
    return admitted.outputs.map((name) => {
      const found = flow.get(name);
      if (!found) {
        throw new ConchError('REQUEST_INVALID', `ensemble '${this.#name}': no step produced its output '${name}'`, {
          where: { path: name },
        });
      }
      const { modelDims } = this.#admission.outputs.find((output) => output.name === name)!;
      return adapt(found, name, this.#batched, modelDims);
    });
  }
}

/** What a step asks of its model: the ensemble's request with other tensors. */
function internalRequest(
  step: Step,
  served: ServedVersion,
  flow: ReadonlyMap<string, FlowTensor | undefined>,
  request: InferenceRequest,
): InferenceRequest {
  const { admission } = served;
  const inputs: Tensor[] = [];
  for (const [name, tensor] of step.inputs) {
    const found = flow.get(tensor);
    const declared = admission.inputs.find((input) => input.name === name);
    if (found) inputs.push(adapt(found, name, admission.maxBatchSize > 0, declared?.dims ?? []));
  }
  const all = step.outputs.length === admission.outputs.length;
  return {
    ...request,
    model: step.model,
    version: undefined,
    inputs,
    outputs: all ? undefined : step.outputs.map(([name]) => ({ name })),
  };
}

/**
 * A tensor under another name and, where one side has a batch dimension and the other has not, with a leading 1 added
 * or removed if that makes it fit (Triton's ensemble scheduler).
 */
function adapt({ tensor, batched }: FlowTensor, name: string, targetBatches: boolean, dims: readonly number[]): Tensor {
  const { shape } = tensor;
  if (!batched && targetBatches && fits(shape, dims)) return { ...tensor, name, shape: [1, ...shape] };
  if (batched && !targetBatches && !fits(shape, dims) && shape[0] === 1)
    return { ...tensor, name, shape: shape.slice(1) };
  return tensor.name === name ? tensor : { ...tensor, name };
}

/** An ensemble has computed as long as its steps together; it has no queue of its own. */
function add(sum: { -readonly [key in keyof Durations]: number }, more: Durations): void {
  sum.computeInput += more.computeInput;
  sum.computeInfer += more.computeInfer;
  sum.computeOutput += more.computeOutput;
}
