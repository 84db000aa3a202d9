import { elementTypes, type OnnxModel, type OnnxNode } from '../../onnx/index.ts';
import { Editing } from './editing.ts';
import { linearLayers } from './linear-layers.ts';
import { QuantisedWeight } from './quantised-weight.ts';

const { float, int8 } = elementTypes;

/** The largest magnitude that each of the named values had in the runs of a calibration. */
export type Calibrate = (names: readonly string[]) => Promise<ReadonlyMap<string, number>>;

/**
 * Linear layers between QuantizeLinear and DequantizeLinear, as TensorRT takes INT8: symmetric, activations with one scale
 * that was found beforehand, weights of up to `largest` with one an output. What calibration did not see is cut off at the
 * ends.
 */
export async function int8Static(
  model: OnnxModel,
  calibrate: Calibrate,
  { largest }: { readonly largest: number },
): Promise<number> {
  const layers = linearLayers(model);
  const inputs = [...new Set([...layers.values()].map(({ input }) => input))];
  const ranges = await calibrate(inputs);
  const editing = new Editing(model);
  const zero = editing.constant('zero/int8', int8, [], new Uint8Array(1));
  const rounded = new Map<string, string>();
  const widened = new Map<string, string>();
  model.nodes = model.nodes.flatMap((node) => {
    const layer = layers.get(node);
    if (!layer) return [node];
    const nodes: OnnxNode[] = [];
    let input = rounded.get(layer.input);
    if (input === undefined) {
      const range = ranges.get(layer.input) ?? 0;
      const bytes = new Uint8Array(Float32Array.of(range > 0 ? range / 127 : 1).buffer);
      const scale = editing.constant(`${layer.input}/scale`, float, [], bytes);
      const quantise = editing.node(`${layer.input}/QuantizeLinear`, 'QuantizeLinear', [layer.input, scale, zero]);
      const values = [quantise.outputs[0]!, scale, zero];
      const widen = editing.node(`${layer.input}/DequantizeLinear`, 'DequantizeLinear', values);
      nodes.push(quantise, widen);
      input = widen.outputs[0]!;
      rounded.set(layer.input, input);
    }
    const { weight, transposed, outputs } = layer;
    const key = `${weight.name}\0${transposed}`;
    let matrix = widened.get(key);
    if (matrix === undefined) {
      const made = new QuantisedWeight(weight, { ...layer, largest });
      const values = editing.weight(`${weight.name}/int8`, int8, weight.shape, () => made.asStored());
      const scales = editing.weight(`${weight.name}/scale`, float, [outputs], () => made.scales());
      const zeros = editing.weight(`${weight.name}/zero`, int8, [outputs], () => [new Uint8Array(outputs)]);
      const widen = editing.node(`${weight.name}/DequantizeLinear`, 'DequantizeLinear', [values, scales, zeros], {
        axis: { int: transposed ? 0 : 1 },
      });
      nodes.push(widen);
      matrix = widen.outputs[0]!;
      widened.set(key, matrix);
    }
    return [...nodes, { ...node, inputs: [input, matrix, ...node.inputs.slice(2)] }];
  });
  editing.dropUnused();
  return layers.size;
}
