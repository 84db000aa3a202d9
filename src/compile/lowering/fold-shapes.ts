import { elementTypes, type OnnxModel, type OnnxNode, type OnnxWeight, weightOf } from '../../onnx/index.ts';
import { intOf } from './editing.ts';

/** A small tensor of INT64: a shape, or a part of one. */
interface Integers {
  readonly shape: readonly number[];
  readonly values: readonly bigint[];
}

/** Shapes have few dimensions; anything larger is a weight. */
const most = 64;

/**
 * Computes now what is made of constant shapes alone: Shape of a weight, and on INT64 Gather, Concat, Unsqueeze, Squeeze and
 * the four operations. What exporters leave in front of Reshape becomes the shape itself.
 */
export async function foldShapes(model: OnnxModel): Promise<void> {
  const known = new Map<string, Integers>();
  for (const weight of model.weights.values()) {
    if (weight.elementType === elementTypes.int64 && weight.bytes <= 8 * most)
      known.set(weight.name, await read(weight));
  }
  const outputs = new Set(model.outputs.map(({ name }) => name));
  model.nodes = model.nodes.filter((node) => {
    const [output = ''] = node.outputs;
    if (node.domain !== '' || node.outputs.length !== 1 || outputs.has(output)) return true;
    const folded = fold(node, known, model.weights);
    if (!folded || folded.values.length > most) return true;
    known.set(output, folded);
    const bytes = new Uint8Array(BigInt64Array.from(folded.values).buffer);
    model.weights.set(output, weightOf(output, elementTypes.int64, folded.shape, bytes));
    return false;
  });
}

async function read(weight: OnnxWeight): Promise<Integers> {
  const bytes = new Uint8Array(weight.bytes);
  let place = 0;
  for await (const chunk of weight.read()) {
    bytes.set(chunk, place);
    place += chunk.length;
  }
  return { shape: weight.shape, values: [...new BigInt64Array(bytes.buffer)] };
}

const operations: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
};

function fold(
  node: OnnxNode,
  known: ReadonlyMap<string, Integers>,
  weights: ReadonlyMap<string, OnnxWeight>,
): Integers | undefined {
  if (node.type === 'Shape') {
    const weight = weights.get(node.inputs[0]!);
    const whole = node.attributes.start === undefined && node.attributes.end === undefined;
    return weight && whole ? vector(weight.shape.map(BigInt)) : undefined;
  }
  const inputs = node.inputs.map((name) => known.get(name));
  const [first, second] = inputs;
  if (first === undefined || inputs.includes(undefined)) return undefined;
  switch (node.type) {
    case 'Concat': {
      const flat = (inputs as Integers[]).every(({ shape }) => shape.length === 1) && intOf(node, 'axis', 0) === 0;
      return flat ? vector((inputs as Integers[]).flatMap(({ values }) => values)) : undefined;
    }
    case 'Gather': {
      if (first.shape.length !== 1 || second === undefined || second.shape.length > 1) return undefined;
      const values = second.values.map((index) => first.values.at(Number(index)));
      return values.includes(undefined) ? undefined : { shape: second.shape, values: values as bigint[] };
    }
    case 'Unsqueeze':
      return first.shape.length === 0 ? vector(first.values) : undefined;
    case 'Squeeze':
      return first.shape.length === 1 && first.values.length === 1 ? { shape: [], values: first.values } : undefined;
  }
  const operation = operations[node.type];
  if (operation === undefined || second === undefined) return undefined;
  const length = Math.max(first.values.length, second.values.length);
  const fits = ({ shape, values }: Integers) => shape.length <= 1 && (values.length === length || values.length === 1);
  if (!fits(first) || !fits(second)) return undefined;
  const at = ({ values }: Integers, index: number) => values[values.length === 1 ? 0 : index]!;
  const values = Array.from({ length }, (_, index) => operation(at(first, index), at(second, index)));
  return { shape: first.shape.length + second.shape.length === 0 ? [] : [length], values };
}

function vector(values: readonly bigint[]): Integers {
  return { shape: [values.length], values };
}
