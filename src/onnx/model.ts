import { datatypes } from '../tensor/index.ts';
import type { Attribute, Dimension, GraphBuilder, Payload } from './graph.ts';

/** A node by the names of its tensors; '' stands for an optional one that is left out. */
export interface OnnxNode {
  readonly name: string;
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An initializer, whose little-endian bytes are read when they are needed and as often. */
export interface OnnxWeight extends Payload {
  readonly name: string;
  /** TensorProto.DataType. */
  readonly elementType: number;
  readonly shape: readonly number[];
  /** Size of the payload. */
  readonly bytes: number;
}

/** The type of a graph's input or output. */
export interface OnnxTensorType {
  readonly name: string;
  /** TensorProto.DataType; 0 where it is not said. */
  readonly elementType: number;
  /** Undefined where the rank is not known, as a dimension is. */
  readonly shape: readonly (Dimension | undefined)[] | undefined;
}

/** A model as passes over it read and change it, whoever made it. Weights stay where they are. */
export interface OnnxModel {
  readonly name: string;
  irVersion: number;
  /** Versions of the operator sets by domain; '' is ai.onnx. */
  readonly opsets: Map<string, number>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: OnnxTensorType[];
  readonly outputs: OnnxTensorType[];
  /** In an order in which they can run. */
  nodes: OnnxNode[];
  readonly weights: Map<string, OnnxWeight>;
  /** Element types of values in between, where the file states them. */
  readonly declared: Map<string, number>;
  /** FunctionProtos, as they are. */
  readonly functions: readonly Uint8Array[];
}

/** A graph that was built, as a model. */
export function modelOf(graph: GraphBuilder): OnnxModel {
  const typed = ({ value, shape }: GraphBuilder['inputs'][number]): OnnxTensorType => ({
    name: value.name,
    elementType: datatypes[value.datatype].onnx,
    shape,
  });
  const declared = new Map<string, number>();
  for (const { outputs } of graph.nodes) {
    for (const { name, datatype } of outputs) declared.set(name, datatypes[datatype].onnx);
  }
  return {
    name: graph.name,
    irVersion: graph.irVersion,
    opsets: new Map(Object.entries({ '': graph.opset, ...graph.domains })),
    metadata: graph.metadata,
    inputs: graph.inputs.map(typed),
    outputs: graph.outputs.map(typed),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => input?.name ?? ''),
      outputs: node.outputs.map((output) => output.name),
    })),
    weights: new Map(
      graph.initializers.map(({ value, shape, bytes, read }) => [
        value.name,
        { name: value.name, elementType: datatypes[value.datatype].onnx, shape, bytes, read },
      ]),
    ),
    declared,
    functions: [],
  };
}

/** A small tensor known now. */
export function weightOf(name: string, elementType: number, shape: readonly number[], data: Uint8Array): OnnxWeight {
  return { name, elementType, shape, bytes: data.length, read: () => [data] };
}
