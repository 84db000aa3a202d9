import type { OnnxModel, OnnxNode, OnnxWeight, Payload } from '../../onnx/index.ts';
import { payloadBytes, weightOf } from '../../onnx/index.ts';

/** A model that a pass is changing: names that are free, and weights that are dropped when nothing uses them any more. */
export class Editing {
  readonly model: OnnxModel;
  readonly #names: Set<string>;

  constructor(model: OnnxModel) {
    this.model = model;
    this.#names = new Set([
      ...model.weights.keys(),
      ...[...model.inputs, ...model.outputs].map(({ name }) => name),
      ...model.nodes.flatMap(({ name, outputs }) => [name, ...outputs]),
    ]);
  }

  /** `wanted`, or that with a number behind it; taken from now on. */
  name(wanted: string): string {
    let name = wanted;
    for (let count = 1; this.#names.has(name); count++) name = `${wanted}_${count}`;
    this.#names.add(name);
    return name;
  }

  /** A node with one output of its own name, unless `output` gives one. */
  node(
    name: string,
    type: string,
    inputs: readonly string[],
    attributes: OnnxNode['attributes'] = {},
    { output, domain = '' }: { output?: string; domain?: string } = {},
  ): OnnxNode {
    const own = this.name(name);
    return { name: own, type, domain, inputs, outputs: [output ?? this.name(`${own}:0`)], attributes };
  }

  /** A weight whose bytes are made when the file is written. */
  weight(name: string, elementType: number, shape: readonly number[], read: Payload['read']): string {
    const own = this.name(name);
    this.model.weights.set(own, {
      name: own,
      elementType,
      shape,
      bytes: payloadBytes(elementType, shape)!,
      read,
    });
    return own;
  }

  constant(name: string, elementType: number, shape: readonly number[], data: Uint8Array): string {
    const own = this.name(name);
    this.model.weights.set(own, weightOf(own, elementType, shape, data));
    return own;
  }

  /** Removes weights that nothing uses. */
  dropUnused(): void {
    const used = uses(this.model);
    for (const name of this.model.weights.keys()) if (!used.has(name)) this.model.weights.delete(name);
  }
}

/** How often each value is used, by nodes, their subgraphs and as an output. */
export function uses({ nodes, outputs }: OnnxModel): Map<string, number> {
  const count = new Map<string, number>();
  const use = (name: string) => count.set(name, (count.get(name) ?? 0) + 1);
  for (const node of nodes) {
    for (const input of node.inputs) if (input !== '') use(input);
    for (const name of captures(node)) use(name);
  }
  for (const { name } of outputs) use(name);
  return count;
}

/** Values that subgraphs of `node` take from the graph around it. */
export function captures({ attributes }: OnnxNode): string[] {
  return Object.values(attributes).flatMap((attribute) => ('captures' in attribute ? attribute.captures : []));
}

/** The value of an attribute that is a whole number. */
export function intOf(node: OnnxNode, name: string, otherwise: number): number {
  const attribute = node.attributes[name];
  return attribute && 'int' in attribute ? Number(attribute.int) : otherwise;
}

export function floatOf(node: OnnxNode, name: string, otherwise: number): number {
  const attribute = node.attributes[name];
  return attribute && 'float' in attribute ? attribute.float : otherwise;
}

/** The FP32 values of `weight`, in runs of any length that are valid until the next is asked for. */
export async function* floatsOf(weight: OnnxWeight): AsyncGenerator<Float32Array> {
  let rest = new Uint8Array(0);
  for await (const chunk of weight.read()) {
    let bytes = chunk;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + chunk.length);
      bytes.set(rest);
      bytes.set(chunk, rest.length);
    }
    const whole = bytes.length - (bytes.length % 4);
    if (whole > 0) {
      const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
      yield new Float32Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, whole / 4);
    }
    rest = bytes.slice(whole);
  }
}
