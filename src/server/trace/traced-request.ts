import type { RequestTrace } from '../../protocol/index.ts';
import { bytesOf, decodeStrings, type Tensor } from '../../tensor/index.ts';

/** Numbers traces, uniquely in the process. */
let lastId = 0;

/** One request's trace, as Triton writes it: an element with what it is about, then one for each time stamp or tensor. */
export class TracedRequest implements RequestTrace {
  readonly #id = ++lastId;
  readonly #parent: TracedRequest | undefined;
  readonly #stamps: boolean;
  readonly #tensors: boolean;
  readonly #elements: string[] = [];
  readonly #children: TracedRequest[] = [];

  constructor(kept: { readonly stamps: boolean; readonly tensors: boolean }, parent?: TracedRequest) {
    this.#stamps = kept.stamps;
    this.#tensors = kept.tensors;
    this.#parent = parent;
  }

  begin(model: string, version: number): void {
    const parent = this.#parent && { parent_id: this.#parent.#id };
    this.#add({ model_name: model, model_version: version, ...parent });
  }

  stamp(name: string, ns: number): void {
    if (this.#stamps) this.#add({ timestamps: [{ name, ns: Math.round(ns) }] });
  }

  tensor(activity: string, tensor: Tensor): void {
    if (!this.#tensors) return;
    const { name, shape, datatype } = tensor;
    this.#add({ activity, tensor: { name, data: dataOf(tensor), shape: shape.join(','), dtype: datatype } });
  }

  child(): TracedRequest {
    const child = new TracedRequest({ stamps: this.#stamps, tensors: this.#tensors }, this);
    this.#children.push(child);
    return child;
  }

  /** Everything as JSON texts: the requests that it made first, since they ended first. */
  elements(): string[] {
    return [...this.#children.flatMap((child) => child.elements()), ...this.#elements];
  }

  #add(more: object): void {
    this.#elements.push(JSON.stringify({ id: this.#id, ...more }));
  }
}

/** Elements with commas between; strings in quotes, half floats by their bits. */
function dataOf(tensor: Tensor): string {
  if (tensor.datatype !== 'BYTES') return tensor.data.join(',');
  return decodeStrings(bytesOf(tensor))
    .map((text) => JSON.stringify(text))
    .join(',');
}
