import { elementTypes, type OnnxModel, type OnnxNode } from '../../onnx/index.ts';
import { intOf } from './editing.ts';

const { float, uint8, int32, int64, bool } = elementTypes;

/** Operators whose first output is of one type whatever they take. */
const fixed: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Not', 'Xor', 'IsNaN', 'IsInf'].map(
      (type) => [type, bool],
    ),
  ),
  ...Object.fromEntries(
    ['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin', 'NonMaxSuppression'].map((type) => [type, int64]),
  ),
  MatMulInteger: int32,
  ConvInteger: int32,
  DynamicQuantizeLinear: uint8,
};

/** Operators whose output is of the type of another input than the first. */
const ofInput: Readonly<Record<string, number>> = {
  Where: 1,
  CastLike: 1,
  OneHot: 2,
  DequantizeLinear: 1,
  QuantizeLinear: 2,
  QLinearMatMul: 7,
  QLinearConv: 7,
};

/** Operators that say the type of their output, or make one up out of nothing. */
const byAttribute: Readonly<Record<string, string>> = { Cast: 'to', RandomNormal: 'dtype', RandomUniform: 'dtype' };

/** Operators whose outputs are as their subgraphs say. */
const bySubgraph = new Set(['If', 'Loop', 'Scan']);

/** Further outputs that are not of the first one's type. */
const further: Readonly<Record<string, readonly number[]>> = {
  TopK: [int64],
  MaxPool: [int64],
  Dropout: [bool],
  DynamicQuantizeLinear: [float, uint8],
  Unique: [int64, int64, int64],
};

/**
 * The element type of every value of `model` (TensorProto.DataType): as the file states it, else as the operators of
 * ai.onnx give it. Values of other domains' operators and of subgraphs that nothing states are missing.
 */
export function inferElementTypes(model: OnnxModel): Map<string, number> {
  const types = new Map(model.declared);
  for (const { name, elementType } of [...model.inputs, ...model.outputs]) types.set(name, elementType);
  for (const { name, elementType } of model.weights.values()) types.set(name, elementType);
  for (const node of model.nodes) {
    for (const [index, output] of node.outputs.entries()) {
      if (output === '' || types.get(output)) continue;
      const type = node.domain === '' ? outputType(node, index, types) : undefined;
      if (type !== undefined) types.set(output, type);
    }
  }
  return types;
}

function outputType(node: OnnxNode, index: number, types: ReadonlyMap<string, number>): number | undefined {
  const { type, inputs } = node;
  if (index > 0) {
    const other = further[type]?.[index - 1];
    if (other !== undefined) return other;
  }
  if (bySubgraph.has(type)) return undefined;
  if (fixed[type] !== undefined) return fixed[type];
  const attribute = byAttribute[type];
  if (attribute !== undefined) return intOf(node, attribute, float);
  if (type === 'QuantizeLinear' && !inputs[2]) return uint8;
  return types.get(inputs[ofInput[type] ?? 0] ?? '');
}
