import type { ModelConfig } from '../../config/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { AdmittedRequest } from '../request.ts';
import { zeroTensor } from '../zero.ts';
import { type ControlSignals, SequenceControls } from './controls.ts';
import { type CorrelationId, correlationIdOf } from './correlation.ts';
import { type DeclaredState, SequenceStates } from './states.ts';

/** Makes a client's request into what a sequence model takes, and the model's answer into what the client gets. */
export class SequenceInputs {
  readonly controls: SequenceControls;
  readonly #states: readonly DeclaredState[];
  /** The outputs to ask a model for, by those that clients ask for. */
  readonly #outputs = new WeakMap<readonly string[], readonly string[]>();

  constructor(config: ModelConfig, states: readonly DeclaredState[]) {
    this.controls = new SequenceControls(config);
    this.#states = states;
  }

  freshStates(): SequenceStates {
    return new SequenceStates(this.#states);
  }

  /** The request with its controls and states after its own inputs, and the states' outputs after its own. */
  forModel(
    request: AdmittedRequest,
    { start, end }: { readonly start: boolean; readonly end: boolean },
    id: CorrelationId,
    states: SequenceStates,
  ): AdmittedRequest {
    const { context } = request;
    const sequence = context.sequence;
    const same =
      sequence && correlationIdOf(sequence) !== undefined && sequence.start === start && sequence.end === end;
    return {
      ...request,
      inputs: [...request.inputs, ...this.controls.tensors({ start, end, ready: true }, id), ...states.inputs],
      outputs: this.#withStates(request.outputs),
      context: same ? context : { ...context, sequence: { id, start, end } },
      likeness: `${request.likeness}|${states.likeness}`,
    };
  }

  /**
   * A row in the likeness of `model`, which the model is told not to look at: the same inputs, but texts empty, all
   * controls false and no id.
   */
  filler(model: AdmittedRequest): AdmittedRequest {
    const none: ControlSignals = { start: false, end: false, ready: false };
    const controls = new Map(this.controls.tensors(none, undefined).map((tensor) => [tensor.name, tensor]));
    const inputs = model.inputs.map((tensor) => {
      const { name, datatype, shape } = tensor;
      return controls.get(name) ?? (datatype === 'BYTES' ? zeroTensor({ name, datatype, shape }) : tensor);
    });
    return { ...model, inputs, context: {}, bytes: 0, signal: undefined };
  }

  /** What the client asked for of what the model gave. */
  forClient(outputs: readonly Tensor[], request: AdmittedRequest): readonly Tensor[] {
    if (this.#states.length === 0) return outputs;
    return outputs.filter(({ name }) => request.outputs.includes(name));
  }

  /** Inputs that a warm-up run needs beyond those that clients send: of the first request of a sequence. */
  warmup(): Tensor[] {
    const signals: ControlSignals = { start: true, end: false, ready: true };
    const id = this.controls.correlation?.datatype === 'BYTES' ? '1' : 1n;
    return [...this.controls.tensors(signals, id), ...this.freshStates().inputs];
  }

  #withStates(outputs: readonly string[]): readonly string[] {
    if (this.#states.length === 0) return outputs;
    const known = this.#outputs.get(outputs);
    if (known) return known;
    const all = [...new Set([...outputs, ...this.#states.map(({ output }) => output)])];
    this.#outputs.set(outputs, all);
    return all;
  }
}
