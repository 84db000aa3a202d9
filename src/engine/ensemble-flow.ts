import { ConchError } from '../base/index.ts';
import type { InferenceRequest, ParameterValue } from '../protocol/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { Admission } from './admission.ts';
import type { BackendEvent, BackendResponse } from './backend.ts';
import { adapt, Iteration } from './ensemble-iteration.ts';
import type { Gate } from './gate.ts';
import type { AdmittedRequest, Durations, Outcome } from './request.ts';
import type { ServedVersion } from './version.ts';

export interface Step {
  readonly index: number;
  readonly model: string;
  readonly version: number;
  /** Model input to ensemble tensor. */
  readonly inputs: readonly (readonly [string, string])[];
  /** Model output to ensemble tensor. */
  readonly outputs: readonly (readonly [string, string])[];
  readonly gate: Gate;
}

/** A step with the version that runs it. */
export interface PinnedStep {
  readonly step: Step;
  readonly served: ServedVersion;
}

export interface FlowOptions {
  /** The ensemble's name. */
  readonly name: string;
  /** Whether the ensemble's own tensors have a batch dimension. */
  readonly batched: boolean;
  readonly admission: Admission;
  /** A step's error as the ensemble's. */
  readonly blame: (step: Step, thrown: unknown) => ConchError;
  /** Of a decoupled ensemble: takes the outputs of each iteration. */
  readonly onResponse: ((event: BackendEvent) => void) | undefined;
}

/**
 * One request's way through an ensemble, event by event: a step starts when the tensors it needs are there, and steps
 * that do not wait for each other run at the same time. Each response of a decoupled step begins an iteration of its
 * own, in which what hangs on that step runs again; what does not is shared (Triton's ensemble scheduler).
 */
export class Flow {
  readonly #options: FlowOptions;
  readonly #admitted: AdmittedRequest;
  readonly #request: InferenceRequest;
  readonly #root: Iteration;
  /** Those in which something may still happen. */
  readonly #live = new Set<Iteration>();
  /** Steps by the decoupled step that they hang on; undefined: by none. */
  readonly #byOrigin: ReadonlyMap<Step | undefined, readonly PinnedStep[]>;
  /** The decoupled step whose responses make the ensemble's. */
  readonly #outputOrigin: Step | undefined;
  readonly #durations = { queue: 0, computeInput: 0, computeInfer: 0, computeOutput: 0 };
  #running = 0;
  #failure: ConchError | undefined;
  #settle: (() => void) | undefined;

  constructor(
    steps: readonly PinnedStep[],
    admitted: AdmittedRequest,
    request: InferenceRequest,
    options: FlowOptions,
  ) {
    this.#options = options;
    this.#admitted = admitted;
    this.#request = request;
    const origins = originsOf(steps);
    this.#byOrigin = Map.groupBy(steps, ({ step }) => origins.ofStep.get(step));
    this.#outputOrigin = origins.deepest(admitted.outputs);
    this.#root = new Iteration(undefined, undefined, this.#byOrigin.get(undefined) ?? []);
    for (const { name } of options.admission.inputs) {
      const tensor = admitted.inputs.find((input) => input.name === name);
      this.#root.set(name, tensor && { tensor, batched: options.batched });
    }
  }

  /** Resolves when nothing runs any more; rejects with the first error. */
  run(): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#settle = () => {
        try {
          if (this.#failure) throw this.#failure;
          const outputs = this.#options.onResponse ? [] : this.#collect(this.#root);
          const parameters = this.#options.onResponse ? undefined : this.#root.parameters;
          resolve({ outputs, ...(parameters && { parameters }), durations: this.#durations });
        } catch (error) {
          reject(error);
        }
      };
      this.#live.add(this.#root);
      this.#advance();
    });
  }

  /** Starts what can start, says what can be said, and ends when there is nothing left to wait for. */
  #advance(): void {
    if (!this.#failure) {
      for (const iteration of this.#live) {
        for (const { step, served } of iteration.takeReady()) {
          this.#running += 1;
          void this.#perform(iteration, step, served);
        }
        if (this.#options.onResponse) this.#emit(iteration, this.#options.onResponse);
        if (iteration.idle) this.#live.delete(iteration);
      }
    }
    // The first error wins, but steps that are under way are waited for: they hold models and memory.
    if (this.#running === 0) this.#settle!();
  }

  async #perform(iteration: Iteration, step: Step, served: ServedVersion): Promise<void> {
    iteration.running += 1;
    await step.gate.enter();
    try {
      if (!this.#failure) {
        const request = internalRequest(step, served, iteration, this.#request);
        if (served.decoupled) await this.#stream(iteration, step, served, request);
        else {
          const outcome = await served.infer(request);
          this.#addTimes(outcome.durations);
          this.#produce(iteration, step, served, outcome);
        }
      }
    } catch (thrown) {
      this.#failure ??= this.#options.blame(step, thrown);
    }
    step.gate.leave();
    iteration.running -= 1;
    this.#running -= 1;
    this.#advance();
  }

  async #stream(iteration: Iteration, step: Step, served: ServedVersion, request: InferenceRequest): Promise<void> {
    const start = performance.now();
    await served.stream(request, ({ response }) => {
      if (response === undefined || this.#failure) return;
      if (response instanceof ConchError) {
        this.#failure = this.#options.blame(step, response);
        return;
      }
      const child = new Iteration(iteration, step, this.#byOrigin.get(step) ?? []);
      child.emitted = step !== this.#outputOrigin;
      this.#produce(child, step, served, response);
      this.#live.add(child);
      this.#advance();
    });
    this.#durations.computeInfer += (performance.now() - start) * 1e6;
  }

  #produce(iteration: Iteration, step: Step, served: ServedVersion, response: BackendResponse): void {
    const byName = new Map(response.outputs.map((output) => [output.name, output]));
    for (const [output, tensor] of step.outputs) {
      const produced = byName.get(output);
      iteration.set(tensor, produced && { tensor: produced, batched: served.admission.maxBatchSize > 0 });
    }
    iteration.addParameters(response.parameters);
  }

  /** The outputs of an iteration go out once, as soon as all of them are there. */
  #emit(iteration: Iteration, onResponse: (event: BackendEvent) => void): void {
    if (iteration.emitted || iteration.origin !== this.#outputOrigin) return;
    if (!this.#admitted.outputs.every((name) => iteration.has(name))) return;
    iteration.emitted = true;
    try {
      const { parameters } = iteration;
      onResponse({ response: { outputs: this.#collect(iteration), ...(parameters && { parameters }) }, final: false });
    } catch (thrown) {
      this.#failure ??= thrown as ConchError;
    }
  }

  #collect(iteration: Iteration): Tensor[] {
    const { name: ensemble, admission, batched } = this.#options;
    return this.#admitted.outputs.map((name) => {
      const found = iteration.get(name);
      if (!found) {
        throw new ConchError('REQUEST_INVALID', `ensemble '${ensemble}': no step produced its output '${name}'`, {
          where: { path: name },
        });
      }
      const { modelDims } = admission.outputs.find((output) => output.name === name)!;
      return adapt(found, name, batched, modelDims);
    });
  }

  /** An ensemble has computed as long as its steps together; it has no queue of its own. */
  #addTimes({ computeInput, computeInfer, computeOutput }: Durations): void {
    this.#durations.computeInput += computeInput;
    this.#durations.computeInfer += computeInfer;
    this.#durations.computeOutput += computeOutput;
  }
}

/** What a step asks of its model: the ensemble's request with other tensors. */
function internalRequest(
  step: Step,
  served: ServedVersion,
  iteration: Iteration,
  request: InferenceRequest,
): InferenceRequest {
  const { admission } = served;
  const inputs: Tensor[] = [];
  for (const [name, tensor] of step.inputs) {
    const found = iteration.get(tensor);
    const declared = admission.inputs.find((input) => input.name === name);
    if (found) inputs.push(adapt(found, name, admission.maxBatchSize > 0, declared?.dims ?? []));
  }
  const all = step.outputs.length === admission.outputs.length;
  const { parameters } = iteration;
  return {
    ...request,
    model: step.model,
    version: undefined,
    inputs,
    outputs: all ? undefined : step.outputs.map(([name]) => ({ name })),
    ...(request.trace && { trace: request.trace.child() }),
    ...(parameters && { sequence: sequenceFrom(parameters, request.sequence) }),
  };
}

/** Where a step's response says which sequence it belongs to, the steps after it go with that. */
function sequenceFrom(
  parameters: Readonly<Record<string, ParameterValue>>,
  own: InferenceRequest['sequence'],
): InferenceRequest['sequence'] {
  const { sequence_id = own?.id, sequence_start = own?.start ?? false, sequence_end = own?.end ?? false } = parameters;
  if (sequence_id === undefined || typeof sequence_id === 'boolean') return own;
  return { id: sequence_id, start: sequence_start === true, end: sequence_end === true };
}

/** On which decoupled step each step, and each set of tensors, hangs: of several, on the one furthest down. */
function originsOf(steps: readonly PinnedStep[]): {
  readonly ofStep: ReadonlyMap<Step, Step | undefined>;
  readonly deepest: (tensors: readonly string[]) => Step | undefined;
} {
  const ofStep = new Map<Step, Step | undefined>();
  const producers = new Map<string, PinnedStep>();
  for (const pinned of steps) for (const [, tensor] of pinned.step.outputs) producers.set(tensor, pinned);
  const originOf = (tensor: string): Step | undefined => {
    const producer = producers.get(tensor);
    if (!producer) return undefined;
    return producer.served.decoupled ? producer.step : originOfStep(producer.step);
  };
  const originOfStep = (step: Step): Step | undefined => {
    if (!ofStep.has(step)) ofStep.set(step, deepest(step.inputs.map(([, tensor]) => tensor)));
    return ofStep.get(step);
  };
  const depth = (step: Step | undefined): number => (step === undefined ? 0 : 1 + depth(originOfStep(step)));
  const deepest = (tensors: readonly string[]): Step | undefined =>
    tensors
      .map(originOf)
      .reduce((deep: Step | undefined, other) => (depth(other) > depth(deep) ? other : deep), undefined);
  for (const { step } of steps) originOfStep(step);
  return { ofStep, deepest };
}
