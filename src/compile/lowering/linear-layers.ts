import { elementTypes, type OnnxModel, type OnnxNode, type OnnxWeight } from '../../onnx/index.ts';
import { floatOf, intOf } from './editing.ts';

/** A MatMul or Gemm with a constant FP32 matrix: input [..., size] times it, plus a bias. */
export interface LinearLayer {
  readonly node: OnnxNode;
  readonly input: string;
  readonly weight: OnnxWeight;
  /** Columns of the input, rows of the product's matrix. */
  readonly size: number;
  readonly outputs: number;
  /** Whether the weight lies as [outputs, size]. */
  readonly transposed: boolean;
  readonly bias: string | undefined;
}

/** Narrower layers (a classifier's, say) cost nothing, and their rounding goes straight into the answer. */
const fewestOutputs = 16;

/** The linear layers of `model`, by node; those that are not worth quantising are left out. */
export function linearLayers(model: OnnxModel): Map<OnnxNode, LinearLayer> {
  const layers = new Map<OnnxNode, LinearLayer>();
  for (const node of model.nodes) {
    const layer = linearLayer(model, node);
    if (layer && layer.outputs >= fewestOutputs) layers.set(node, layer);
  }
  return layers;
}

function linearLayer({ weights }: OnnxModel, node: OnnxNode): LinearLayer | undefined {
  if (node.domain !== '' || (node.type !== 'MatMul' && node.type !== 'Gemm')) return undefined;
  const [input = '', matrix = '', bias = ''] = node.inputs;
  const weight = weights.get(matrix);
  if (!weight || weight.elementType !== elementTypes.float || weight.shape.length !== 2 || weights.has(input)) {
    return undefined;
  }
  const gemm = node.type === 'Gemm';
  const scaled = floatOf(node, 'alpha', 1) !== 1 || (bias !== '' && floatOf(node, 'beta', 1) !== 1);
  if (gemm && (scaled || intOf(node, 'transA', 0) !== 0)) return undefined;
  const transposed = gemm && intOf(node, 'transB', 0) !== 0;
  const [rows, columns] = weight.shape as [number, number];
  return {
    node,
    input,
    weight,
    size: transposed ? columns : rows,
    outputs: transposed ? rows : columns,
    transposed,
    bias: bias === '' ? undefined : bias,
  };
}
