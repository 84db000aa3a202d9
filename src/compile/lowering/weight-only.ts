import { elementTypes, type OnnxModel, type OnnxNode } from '../../onnx/index.ts';
import { BlockQuantised } from './block-quantised.ts';
import { Editing } from './editing.ts';
import { type LinearLayer, linearLayers } from './linear-layers.ts';
import { QuantisedWeight } from './quantised-weight.ts';

const { float, uint8, int8 } = elementTypes;
const blockSize = 32;

/**
 * Weights of linear layers as INT8 with a scale an output, widened by DequantizeLinear in front of the layer, which
 * computes as before: a standard graph (opset 13) of a quarter of the size.
 */
export function int8WeightOnly(model: OnnxModel): number {
  const editing = new Editing(model);
  const layers = linearLayers(model);
  const widened = new Map<string, string>();
  model.nodes = model.nodes.flatMap((node) => {
    const layer = layers.get(node);
    if (!layer) return [node];
    const { weight, transposed, outputs } = layer;
    const key = `${weight.name}\0${transposed}`;
    const nodes: OnnxNode[] = [];
    let name = widened.get(key);
    if (name === undefined) {
      const made = new QuantisedWeight(weight, { ...layer, largest: 127 });
      const values = editing.weight(`${weight.name}/int8`, int8, weight.shape, () => made.asStored());
      const scales = editing.weight(`${weight.name}/scale`, float, [outputs], () => made.scales());
      const axis = { axis: { int: transposed ? 0 : 1 } };
      const widen = editing.node(`${weight.name}/DequantizeLinear`, 'DequantizeLinear', [values, scales], axis);
      nodes.push(widen);
      name = widen.outputs[0]!;
      widened.set(key, name);
    }
    return [...nodes, { ...node, inputs: node.inputs.map((input, index) => (index === 1 ? name : input)) }];
  });
  editing.dropUnused();
  return layers.size;
}

/**
 * Weights of linear layers in 4 bits with a scale for each 32 values, by ONNX Runtime's own MatMulNBits, which widens them
 * while it multiplies (com.microsoft, since ONNX Runtime 1.16).
 */
export function int4WeightOnly(model: OnnxModel): number {
  const editing = new Editing(model);
  const layers = linearLayers(model);
  model.opsets.set('com.microsoft', 1);
  model.nodes = model.nodes.flatMap((node) => {
    const layer = layers.get(node);
    return layer ? inBlocks(editing, layer) : [node];
  });
  editing.dropUnused();
  return layers.size;
}

function inBlocks(editing: Editing, { node, input, weight, size, outputs, transposed, bias }: LinearLayer): OnnxNode[] {
  const blocks = Math.ceil(size / blockSize);
  const made = new BlockQuantised(weight, { size, outputs, transposed, blockSize });
  const values = editing.weight(`${weight.name}/int4`, uint8, [outputs, blocks, blockSize / 2], () => made.values());
  const scales = editing.weight(`${weight.name}/scale`, float, [outputs * blocks], () => made.scales());
  const [output] = node.outputs as [string];
  const attributes = {
    K: { int: size },
    N: { int: outputs },
    bits: { int: 4 },
    block_size: { int: blockSize },
    // Activations as FP32 may be rounded to INT8 within a block: what makes the product fast.
    accuracy_level: { int: 4 },
  };
  const last = bias === undefined ? { output } : {};
  const product = editing.node(`${node.name}/MatMulNBits`, 'MatMulNBits', [input, values, scales], attributes, {
    domain: 'com.microsoft',
    ...last,
  });
  if (bias === undefined) return [product];
  return [product, editing.node(`${node.name}/bias`, 'Add', [product.outputs[0]!, bias], {}, { output })];
}
