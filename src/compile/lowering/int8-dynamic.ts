import { elementTypes, type OnnxModel, type OnnxNode } from '../../onnx/index.ts';
import { Editing } from './editing.ts';
import { type LinearLayer, linearLayers } from './linear-layers.ts';
import { QuantisedWeight } from './quantised-weight.ts';

const { float, int8 } = elementTypes;

/**
 * Linear layers in 8 bits, in the standard's own operators: weights as INT8 with a scale an output, activations as UINT8
 * with a scale that DynamicQuantizeLinear finds at run time. ONNX Runtime on a CPU runs each chain as one
 * MatMulIntegerToFloat (or DynamicQuantizeMatMul where nothing else takes the input); other runtimes run it as it is.
 */
export function int8Dynamic(model: OnnxModel, { largest }: { readonly largest: number }): number {
  const editing = new Editing(model);
  const layers = linearLayers(model);
  const quantised = new Map<string, { values: string; scale: string; zero: string }>();
  const weights = new Map<string, { values: string; scales: string }>();
  model.nodes = model.nodes.flatMap((node) => {
    const layer = layers.get(node);
    if (!layer) return [node];
    const nodes: OnnxNode[] = [];
    let input = quantised.get(layer.input);
    if (!input) {
      const name = editing.name(`${layer.input}/DynamicQuantizeLinear`);
      input = { values: editing.name(`${name}:0`), scale: editing.name(`${name}:1`), zero: editing.name(`${name}:2`) };
      quantised.set(layer.input, input);
      const { values, scale, zero } = input;
      nodes.push({
        name,
        type: 'DynamicQuantizeLinear',
        domain: '',
        inputs: [layer.input],
        outputs: [values, scale, zero],
        attributes: {},
      });
    }
    const key = `${layer.weight.name}\0${layer.transposed}`;
    let weight = weights.get(key);
    if (!weight) {
      weight = addWeight(editing, layer, largest);
      weights.set(key, weight);
    }
    return [...nodes, ...product(editing, layer, input, weight)];
  });
  editing.dropUnused();
  return layers.size;
}

function addWeight(editing: Editing, layer: LinearLayer, largest: number): { values: string; scales: string } {
  const { weight, size, outputs } = layer;
  const made = new QuantisedWeight(weight, { ...layer, largest });
  return {
    values: editing.weight(`${weight.name}/int8`, int8, [size, outputs], () => made.turned()),
    scales: editing.weight(`${weight.name}/scale`, float, [outputs], () => made.scales()),
  };
}

/** The result keeps the name that it had. */
function product(
  editing: Editing,
  { node, bias }: LinearLayer,
  input: { values: string; scale: string; zero: string },
  weight: { values: string; scales: string },
): OnnxNode[] {
  const [output] = node.outputs as [string];
  const integers = editing.node(`${node.name}/MatMulInteger`, 'MatMulInteger', [
    input.values,
    weight.values,
    input.zero,
  ]);
  const floats = editing.node(`${node.name}/Cast`, 'Cast', integers.outputs, { to: { int: float } });
  const scale = editing.node(`${node.name}/scale`, 'Mul', [input.scale, weight.scales]);
  const last = bias === undefined ? { output } : {};
  const scaled = editing.node(`${node.name}/scaled`, 'Mul', [floats.outputs[0]!, scale.outputs[0]!], {}, last);
  const nodes = [integers, floats, scale, scaled];
  if (bias !== undefined) {
    nodes.push(editing.node(`${node.name}/bias`, 'Add', [scaled.outputs[0]!, bias], {}, { output }));
  }
  return nodes;
}
