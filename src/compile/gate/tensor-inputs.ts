import { ConchError } from '../../base/index.ts';
import { elementTypes, type OnnxModel, type OnnxTensorType } from '../../onnx/index.ts';
import { type Datatype, datatypeFromOnnx, datatypes, numberToHalf, type TensorData } from '../../tensor/index.ts';
import type { GateInputs } from './gate.ts';
import { readJsonLines } from './json-lines.ts';
import type { GateTensor, Sample } from './sample.ts';

/** Rows of a batch, and sizes that other dimensions get where they vary: by turns, one of each in a sample. */
const rows = [1, 3, 8];
const sizes = [16, 8, 32];
/** Pictures are not that small. */
const pictureSizes = [64, 96, 64];

/** An input beyond this would fill the memory. */
const mostElements = 1 << 26;

/** Inputs of the user's own, batch dimension included: nested lists by name. */
export type GivenSample = { readonly [input: string]: unknown };

/** More lines of a reference file are not run while compiling; `conch validate` runs all. */
const mostLines = 64;

/** The first lines of tensors in a reference file: `{"inputs": {...}, "outputs": {...}}`; none where it has texts. */
export async function tensorReferences(model: OnnxModel, file: string): Promise<GateInputs | undefined> {
  const samples: Sample[] = [];
  const expected: Float64Array[] = [];
  const first = model.outputs[0]!.name;
  for await (const { inputs, outputs } of readJsonLines(file)) {
    if (typeof inputs !== 'object' || inputs === null) continue;
    samples.push(ofUser(model, inputs as GivenSample));
    const rows = (outputs as GivenSample | undefined)?.[first];
    for (const row of Array.isArray(rows) ? rows : []) {
      expected.push(Float64Array.from([row].flat(Number.POSITIVE_INFINITY) as number[]));
    }
    if (samples.length === mostLines) break;
  }
  if (samples.length === 0) return undefined;
  return { ...counted(samples), ...(expected.length > 0 && { expected }) };
}

/**
 * What a model of any kind is compared on: samples of several sizes, seeded: numbers of a normal distribution, ids below the
 * number of rows that they pick from, ones with zeros behind them for a mask, else 0 or 1. Instead of them `given`.
 */
export function tensorInputs(model: OnnxModel, given: readonly GivenSample[]): GateInputs {
  const batches =
    given.length > 0 ? given.map((sample) => ofUser(model, sample)) : rows.map((_, turn) => madeUp(model, turn));
  return counted(batches);
}

function counted(batches: readonly Sample[]): GateInputs {
  return { batches, alone: [], count: batches.reduce((sum, { inputs }) => sum + (inputs[0]?.dims[0] ?? 1), 0) };
}

function madeUp(model: OnnxModel, turn: number): Sample {
  const random = generator(turn + 1);
  return {
    inputs: model.inputs.map((input) => {
      const dims = dimsOf(input, turn);
      const datatype = datatypeFor(input);
      const length = dims.reduce((product, size) => product * size, 1);
      if (!(length >= 0 && length <= mostElements)) {
        throw new ConchError(
          'NOT_SUPPORTED',
          `input '${input.name}' of shape [${dims}] has more than ${mostElements} elements, too many to make up`,
          { fix: 'give inputs of your own as sample, or export the model with a dimension that varies' },
        );
      }
      return { name: input.name, datatype, dims, data: fill(datatype, length, valuesOf(model, input, dims, random)) };
    }),
  };
}

/** A dimension that is only named, or not at all, has the size of others of its name or place. */
function dimsOf({ name, shape }: OnnxTensorType, turn: number): number[] {
  if (shape === undefined) {
    throw new ConchError('NOT_SUPPORTED', `input '${name}' has no shape, so that nothing can be made up for it`, {
      fix: 'give inputs of your own as sample, or state the shape in the file',
    });
  }
  const picture = shape.length === 4;
  return shape.map((size, axis) => {
    if (typeof size === 'number') return size;
    return axis === 0 ? rows[turn]! : (picture ? pictureSizes : sizes)[turn]!;
  });
}

function datatypeFor({ name, elementType }: OnnxTensorType): Datatype {
  const found = datatypeFromOnnx(elementType)?.name;
  if (found !== undefined && found !== 'BYTES' && found !== 'BF16') return found;
  throw new ConchError(
    'NOT_SUPPORTED',
    `input '${name}' is of ${found ?? `ONNX type ${elementType}`}, which the comparison cannot feed`,
    { fix: 'export the model with inputs of numbers' },
  );
}

function valuesOf(
  model: OnnxModel,
  { name, elementType }: OnnxTensorType,
  dims: readonly number[],
  random: () => number,
): (index: number) => number {
  const { float, double, float16 } = elementTypes;
  if ([float, double, float16].includes(elementType as 1)) return () => normal(random);
  const table = model.nodes.find(({ type, inputs }) => type === 'Gather' && inputs[1] === name);
  const picked = table && model.weights.get(table.inputs[0]!)?.shape[0];
  if (picked !== undefined) return () => Math.floor(random() * picked);
  if (!/mask/i.test(name)) return () => (random() < 0.5 ? 0 : 1);
  // Later rows of a mask have more padding; the first is whole.
  const [count = 1] = dims;
  const length = dims.at(-1) ?? 1;
  return (index) => {
    const row = Math.floor(index / length) % count;
    return index % length < Math.max(1, length - row * Math.floor(length / (count + 1))) ? 1 : 0;
  };
}

function fill(datatype: Datatype, length: number, at: (index: number) => number): TensorData {
  const { array: TypedArray } = datatypes[datatype];
  const data = new TypedArray(length);
  for (let index = 0; index < length; index++) {
    const value = at(index);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(Math.round(value));
    else data[index] = datatype === 'FP16' ? numberToHalf(value) : value;
  }
  return data;
}

function ofUser(model: OnnxModel, sample: GivenSample): Sample {
  const strange = Object.keys(sample).find((name) => !model.inputs.some((input) => input.name === name));
  if (strange !== undefined) {
    const names = model.inputs.map(({ name }) => name).join(', ');
    throw new ConchError('DEPLOYMENT_INVALID', `sample: the model has no input '${strange}'; it has ${names}`);
  }
  return {
    inputs: model.inputs.map((input): GateTensor => {
      const dims: number[] = [];
      for (let part = sample[input.name]; Array.isArray(part); part = part[0]) dims.push(part.length);
      const flat = [sample[input.name]].flat(Number.POSITIVE_INFINITY);
      const length = dims.reduce((product, size) => product * size, 1);
      if (flat.length !== length || flat.some((value) => typeof value !== 'number' && typeof value !== 'boolean')) {
        throw new ConchError(
          'DEPLOYMENT_INVALID',
          `sample.${input.name}: expected numbers in lists of one length at each depth, batch dimension included`,
        );
      }
      const datatype = datatypeFor(input);
      return { name: input.name, datatype, dims, data: fill(datatype, length, (index) => Number(flat[index])) };
    }),
  };
}

/** Box and Muller's method. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** 0 to 1 (without), the same sequence for a seed: mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
