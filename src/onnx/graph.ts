import { ConchError } from '../base/index.ts';
import { bytesOf, type Datatype, datatypes, elementCount, type TensorData } from '../tensor/index.ts';

/** A dimension: a fixed size, or the name of a symbolic one such as `batch`. */
export type Dimension = number | string;

/** Something that nodes consume: a graph input, an initializer or a node's output. Made by GraphBuilder only. */
export interface Value {
  readonly name: string;
  readonly datatype: Datatype;
}

/** An attribute says its own ONNX type, since JavaScript's numbers do not tell 1 from 1.0. */
export type Attribute =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly (number | bigint)[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | OpaqueAttribute;

/** An attribute of a model that was read, kept as it is: a tensor or subgraphs, say. */
export interface OpaqueAttribute {
  /** The AttributeProto, name included. */
  readonly proto: Uint8Array;
  /** AttributeProto.AttributeType. */
  readonly type: number;
  /** Values of the graph around that its subgraphs use. */
  readonly captures: readonly string[];
}

/** Where an initializer's little-endian bytes come from: asked for once, in order, while the file is written. */
export interface Payload {
  /** Chunks of any size; each is consumed before the next is asked for, so a source may reuse its buffer. */
  read(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface Initializer extends Payload {
  readonly value: Value;
  readonly shape: readonly number[];
  /** Size of the payload. */
  readonly bytes: number;
}

export interface GraphNode {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  /** Undefined stands for an optional input that is left out. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface GraphTensor {
  readonly value: Value;
  readonly shape: readonly Dimension[];
}

export interface NodeOptions {
  /** Readable part of the name, e.g. `query`; the operator's type otherwise. */
  readonly name?: string;
  /** Element type of the outputs where it differs from the first input's. */
  readonly datatype?: Datatype;
  readonly domain?: string;
}

interface MutableValue {
  name: string;
  readonly datatype: Datatype;
}

/**
 * Builds one ONNX graph. Names are made from the enclosing `scope`s and are unique; constants of equal content are
 * stored once. The builder knows nothing of models: `compile/architectures` does.
 */
export class GraphBuilder {
  readonly name: string;
  /** ai.onnx opset that the nodes are written in; blocks ask it which operators they may use. */
  readonly opset: number;
  readonly irVersion: number;
  /** Opset versions of further domains, e.g. `com.microsoft`. */
  readonly domains: Record<string, number>;
  readonly metadata: Record<string, string> = {};
  readonly inputs: GraphTensor[] = [];
  readonly outputs: GraphTensor[] = [];
  readonly nodes: GraphNode[] = [];
  readonly initializers: Initializer[] = [];
  readonly #valueNames = new Set<string>();
  readonly #nodeNames = new Set<string>();
  readonly #constants = new Map<string, Value>();
  readonly #scopes: string[] = [];

  constructor(name: string, options: { opset: number; irVersion: number; domains?: Record<string, number> }) {
    this.name = name;
    this.opset = options.opset;
    this.irVersion = options.irVersion;
    this.domains = options.domains ?? {};
  }

  /** Runs `build` with `name` in front of the names that it makes: `scope('layer.0', ...)`. */
  scope<T>(name: string, build: () => T): T {
    this.#scopes.push(name);
    try {
      return build();
    } finally {
      this.#scopes.pop();
    }
  }

  input(name: string, datatype: Datatype, shape: readonly Dimension[]): Value {
    const value: MutableValue = { name: this.#claimExactly(name), datatype };
    this.inputs.push({ value, shape });
    return value;
  }

  /** Makes `value` a graph output called `name`. */
  output(name: string, value: Value, shape: readonly Dimension[]): void {
    const made = this.nodes.some(({ outputs }) => outputs.includes(value));
    const renamed = made && !this.outputs.some((output) => output.value === value);
    const result: MutableValue = renamed ? value : this.node('Identity', [value], {}, { name });
    this.#valueNames.delete(result.name);
    result.name = this.#claimExactly(name);
    this.outputs.push({ value: result, shape });
  }

  /** A node with one output. */
  node(
    type: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: NodeOptions = {},
  ): Value {
    return this.nodeWithOutputs(1, type, inputs, attributes, options)[0]!;
  }

  nodeWithOutputs(
    count: number,
    type: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: NodeOptions = {},
  ): Value[] {
    const datatype = options.datatype ?? inputs[0]?.datatype;
    if (!datatype) throw new ConchError('INTERNAL', `ONNX node ${type} needs a datatype: it has no first input`);
    const name = claim(this.#nodeNames, [...this.#scopes, options.name ?? type].join('/'));
    const outputs = Array.from({ length: count }, (_, index) => ({
      name: claim(this.#valueNames, `${name}:${index}`),
      datatype,
    }));
    this.nodes.push({ name, type, domain: options.domain ?? '', inputs, outputs, attributes });
    return outputs;
  }

  /** A weight, named as in its source, whose bytes are streamed when the file is written. */
  initializer(name: string, datatype: Datatype, shape: readonly number[], payload: Payload): Value {
    const value = { name: claim(this.#valueNames, name), datatype };
    const bytes = elementCount(shape) * datatypes[datatype].size;
    this.initializers.push({ value, shape, bytes, read: () => payload.read() });
    return value;
  }

  /** A small tensor known now. Equal ones share an initializer. */
  constant(datatype: Datatype, shape: readonly number[], data: TensorData): Value {
    const key = `${datatype}[${shape}](${data.length > 8 ? `${data.slice(0, 8)}...` : data})`;
    const bytes = bytesOf({ data });
    const content = `${key}${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')}`;
    let value = this.#constants.get(content);
    if (!value) {
      value = this.initializer(`constant/${key}`, datatype, shape, { read: () => [bytes] });
      this.#constants.set(content, value);
    }
    return value;
  }

  /** A shape, axes or indices: INT64 [n]. */
  integers(values: readonly number[]): Value {
    return this.constant('INT64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** An FP32 scalar. */
  scalar(value: number): Value {
    return this.constant('FP32', [], Float32Array.of(value));
  }

  /** Inputs and outputs are the model's interface: their names are kept or refused, never changed. */
  #claimExactly(name: string): string {
    if (!this.#valueNames.has(name)) return claim(this.#valueNames, name);
    throw new ConchError('ONNX_INVALID', `graph ${this.name}: the name '${name}' is already that of another value`);
  }
}

function claim(names: Set<string>, wanted: string): string {
  let name = wanted;
  for (let count = 1; names.has(name); count++) name = `${wanted}_${count}`;
  names.add(name);
  return name;
}
