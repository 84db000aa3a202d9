import type { ParameterValue } from '../protocol/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { PinnedStep, Step } from './ensemble-flow.ts';
import { fits } from './tensors.ts';

/** A tensor between steps; `undefined` in its place stands for one that was not given or not produced. */
export interface FlowTensor {
  readonly tensor: Tensor;
  /** Whether it came with a batch dimension. */
  readonly batched: boolean;
}

/** Response parameters that steps hand down, and the ensemble hands out. */
const handedDown = ['sequence_id', 'sequence_start', 'sequence_end'];

/**
 * The part of a flow that hangs on one response of a decoupled step, or, as the root, on none: its tensors, and its steps
 * that have not started. It sees the tensors of the iterations around it.
 */
export class Iteration {
  /** The decoupled step whose response it belongs to. */
  readonly origin: Step | undefined;
  /** Steps under way. */
  running = 0;
  /** Its outputs have gone out, or are not its to give. */
  emitted = false;
  readonly #parent: Iteration | undefined;
  readonly #tensors = new Map<string, FlowTensor | undefined>();
  #waiting: readonly PinnedStep[];
  #parameters: Record<string, ParameterValue> | undefined;

  constructor(parent: Iteration | undefined, origin: Step | undefined, steps: readonly PinnedStep[]) {
    this.#parent = parent;
    this.origin = origin;
    this.#waiting = steps;
  }

  set(name: string, tensor: FlowTensor | undefined): void {
    this.#tensors.set(name, tensor);
  }

  has(name: string): boolean {
    return this.#tensors.has(name) || (this.#parent?.has(name) ?? false);
  }

  get(name: string): FlowTensor | undefined {
    return this.#tensors.has(name) ? this.#tensors.get(name) : this.#parent?.get(name);
  }

  /** The steps whose tensors are all there; they will not be given again. */
  takeReady(): readonly PinnedStep[] {
    const isReady = ({ step }: PinnedStep): boolean => step.inputs.every(([, tensor]) => this.has(tensor));
    const ready = this.#waiting.filter(isReady);
    if (ready.length > 0) this.#waiting = this.#waiting.filter((one) => !ready.includes(one));
    return ready;
  }

  /** Nothing can happen in it any more. The root may be read to the end. */
  get idle(): boolean {
    return this.#parent !== undefined && this.emitted && this.running === 0 && this.#waiting.length === 0;
  }

  addParameters(parameters: Readonly<Record<string, ParameterValue>> | undefined): void {
    if (!parameters) return;
    for (const name of handedDown) {
      const value = parameters[name];
      if (value !== undefined) this.#parameters = { ...this.#parameters, [name]: value };
    }
  }

  get parameters(): Readonly<Record<string, ParameterValue>> | undefined {
    const outer = this.#parent?.parameters;
    return outer && this.#parameters ? { ...outer, ...this.#parameters } : (this.#parameters ?? outer);
  }
}

/**
 * A tensor under another name and, where one side has a batch dimension and the other has not, with a leading 1 added
 * or removed if that makes it fit (Triton's ensemble scheduler).
 */
export function adapt(
  { tensor, batched }: FlowTensor,
  name: string,
  targetBatches: boolean,
  dims: readonly number[],
): Tensor {
  const { shape } = tensor;
  if (!batched && targetBatches && fits(shape, dims)) return { ...tensor, name, shape: [1, ...shape] };
  if (batched && !targetBatches && !fits(shape, dims) && shape[0] === 1)
    return { ...tensor, name, shape: shape.slice(1) };
  return tensor.name === name ? tensor : { ...tensor, name };
}
