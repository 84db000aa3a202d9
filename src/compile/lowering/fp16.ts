import { ConchError } from '../../base/index.ts';
import { elementTypes, type OnnxModel, type OnnxNode, type OnnxWeight } from '../../onnx/index.ts';
import { captures, Editing, floatsOf } from './editing.ts';
import { inferElementTypes } from './element-types.ts';
import { toHalves } from './halves.ts';

const { float, float16 } = elementTypes;

/**
 * Operators that stay in FP32: sums over many values, powers, and those whose types are bound to something else. TensorRT
 * from 11 on takes precision from the graph alone, so that what is not written here would be lost there.
 */
const inFloat = new Set([
  ...['LayerNormalization', 'RMSNormalization', 'InstanceNormalization', 'GroupNormalization', 'BatchNormalization'],
  ...['MeanVarianceNormalization', 'LpNormalization', 'Softmax', 'LogSoftmax', 'SoftmaxCrossEntropyLoss'],
  ...['ReduceMean', 'ReduceSum', 'ReduceSumSquare', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp'],
  ...['ReduceProd', 'GlobalAveragePool', 'AveragePool', 'CumSum', 'Einsum', 'Det'],
  ...['Pow', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Sin', 'Cos', 'Range', 'Cast', 'CastLike', 'ConstantOfShape'],
  ...['RandomNormal', 'RandomUniform', 'RandomNormalLike', 'RandomUniformLike', 'Multinomial', 'Bernoulli', 'EyeLike'],
  ...['Resize', 'Upsample', 'RoiAlign', 'NonMaxSuppression', 'GridSample', 'TopK', 'OneHot', 'ArgMax', 'ArgMin'],
  ...['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'If', 'Loop', 'Scan', 'LSTM', 'GRU', 'RNN'],
]);

/** Operators that are run in FP32 too where all that use them are: their result would only be widened again. */
const following = new Set(['Add', 'Sub', 'Mul', 'Div', 'Where', 'Max', 'Min', 'Neg', 'Abs', 'Clip']);

/** Operators that take no values of their input. */
const indifferent = new Set(['Shape', 'Size']);

/** The least and greatest magnitude that FP16 holds with all its digits. */
const smallest = 2 ** -14;
const greatest = 65504;
/** Constants up to this many bytes are looked into for values that FP16 does not hold. */
const lookedInto = 1 << 12;

/**
 * Strongly typed FP16: every operator's precision is in the graph, by explicit Casts. Inputs and outputs stay as they
 * are. Throws NOT_SUPPORTED naming the operator where element types cannot be found out.
 */
export async function fp16(model: OnnxModel): Promise<number> {
  const types = inferElementTypes(model);
  refuseUnknown(model, types);
  const isFloat = (name: string) => types.get(name) === float;
  const wide = await nodesInFloat(model, isFloat);
  const editing = new Editing(model);
  const outputs = new Set(model.outputs.map(({ name }) => name));
  const nodes: OnnxNode[] = [];
  /** Values under their own names that are FP16 now, and what each is called in the other type. */
  const narrow = new Set<string>();
  const turned = new Map<string, string>();
  let count = 0;

  const convert = (name: string, to: number): string => {
    const is = narrow.has(name) ? float16 : float;
    if (is === to) return name;
    const known = turned.get(name);
    if (known !== undefined) return known;
    const weight = model.weights.get(name);
    let made: string;
    if (weight) made = editing.weight(`${name}/fp16`, float16, weight.shape, () => halvesOf(weight));
    else {
      const cast = editing.node(`${name}/${to === float ? 'fp32' : 'fp16'}`, 'Cast', [name], { to: { int: to } });
      nodes.push(cast);
      made = cast.outputs[0]!;
    }
    turned.set(name, made);
    return made;
  };

  for (const node of model.nodes) {
    const runsIn = wide.has(node) ? float : float16;
    const converts = !indifferent.has(node.type);
    const inputs = node.inputs.map((name) => (converts && name !== '' && isFloat(name) ? convert(name, runsIn) : name));
    const casts: OnnxNode[] = [];
    const results = node.outputs.map((name) => {
      if (runsIn === float || !isFloat(name)) return name;
      if (!outputs.has(name)) {
        narrow.add(name);
        return name;
      }
      const own = editing.name(`${name}/fp16`);
      turned.set(name, own);
      casts.push(editing.node(`${name}/fp32`, 'Cast', [own], { to: { int: float } }, { output: name }));
      return own;
    });
    if (runsIn === float16) count++;
    nodes.push({ ...node, inputs, outputs: results }, ...casts);
  }
  model.nodes = nodes;
  model.declared.clear();
  editing.dropUnused();
  return count;
}

/** Nodes without FP32 are in it as well: nothing of them is to change. */
async function nodesInFloat(model: OnnxModel, isFloat: (name: string) => boolean): Promise<Set<OnnxNode>> {
  const users = new Map<string, OnnxNode[]>();
  const captured = new Set(model.nodes.flatMap(captures));
  for (const node of model.nodes) {
    for (const input of node.inputs) {
      const known = users.get(input);
      if (known) known.push(node);
      else users.set(input, [node]);
    }
  }
  const outputs = new Set(model.outputs.map(({ name }) => name));
  const fits = new Map<string, boolean>();
  for (const weight of model.weights.values()) {
    if (weight.elementType === float && weight.bytes <= lookedInto) fits.set(weight.name, await fitsInHalf(weight));
  }
  const wide = new Set<OnnxNode>();
  for (const node of model.nodes) {
    const floats = [...node.inputs, ...node.outputs].some(isFloat);
    const bound = inFloat.has(node.type) || node.domain !== '' || captures(node).length > 0;
    const held = node.outputs.some((name) => captured.has(name));
    // An epsilon or a mask's lowest float would become 0 or infinity.
    const odd = following.has(node.type) && node.inputs.some((name) => fits.get(name) === false);
    if (!floats || bound || held || odd) wide.add(node);
  }
  for (const node of model.nodes.toReversed()) {
    if (wide.has(node) || !following.has(node.type) || node.outputs.some((name) => outputs.has(name))) continue;
    const all = node.outputs.flatMap((name) => users.get(name) ?? []);
    if (all.length > 0 && all.every((user) => wide.has(user) && [...user.outputs, ...user.inputs].some(isFloat))) {
      wide.add(node);
    }
  }
  return wide;
}

async function fitsInHalf(weight: OnnxWeight): Promise<boolean> {
  for await (const run of floatsOf(weight)) {
    for (const value of run) {
      const magnitude = Math.abs(value);
      if (magnitude > greatest || (magnitude > 0 && magnitude < smallest && run.length === 1)) return false;
    }
  }
  return true;
}

async function* halvesOf(weight: OnnxWeight): AsyncGenerator<Uint8Array> {
  for await (const run of floatsOf(weight)) {
    const halves = toHalves(run);
    yield new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
  }
}

function refuseUnknown(model: OnnxModel, types: ReadonlyMap<string, number>): void {
  for (const node of model.nodes) {
    const missing = node.outputs.find((name) => name !== '' && !types.get(name));
    if (missing === undefined) continue;
    const operator = node.domain === '' ? node.type : `${node.domain}.${node.type}`;
    throw new ConchError(
      'NOT_SUPPORTED',
      `fp16: the element type of '${missing}', which ${operator} '${node.name}' makes, is not known`,
      { fix: 'have it stated in the file (onnx.shape_inference), or use another precision' },
    );
  }
}
