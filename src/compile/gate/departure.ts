import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageVersion } from '../../base/index.ts';
import { openModel, writeOnnx } from '../../onnx/index.ts';
import type { Precision } from '../lowering/lower.ts';
import { runModel } from './runner.ts';
import type { GateTensor, Sample } from './sample.ts';

/** Where a compiled graph first leaves the FP32 one. */
export interface Departure {
  /** The node that makes the value, and its operator. */
  readonly node: string;
  readonly operator: string;
  readonly value: string;
  /** |compiled - FP32| / |FP32| over all of the value. */
  readonly relativeError: number;
  /** Values of both graphs in front of it, and their number in all. */
  readonly place: number;
  readonly of: number;
}

/** Relative errors that rounding alone does not explain. */
const expectedErrors: Readonly<Record<Precision, number>> = {
  fp32: 1e-3,
  fp16: 0.02,
  int8: 0.2,
  'int8-static': 0.2,
  'int8-weight-only': 0.2,
  'int4-weight-only': 0.4,
};
/** Values looked at in one run. */
const atOnce = 32;

/**
 * The first value, in the order of the FP32 graph, that departs by more than rounding explains, else the one where the error
 * grows most: both graphs are run on `sample` with values in between as outputs, every so many, then all in the part
 * that they single out. Undefined where the graphs have no value in common.
 */
export async function firstDeparture(options: {
  reference: string;
  path: string;
  sample: Sample;
  precision: Precision;
  signal?: AbortSignal | undefined;
}): Promise<Departure | undefined> {
  const { reference, path, sample, precision, signal } = options;
  const [original, compiled] = [await openModel(reference), await openModel(path)];
  const made = new Set(compiled.nodes.flatMap(({ outputs }) => outputs));
  const values = original.nodes.flatMap((node) =>
    node.outputs.filter((name) => name !== '' && made.has(name)).map((name) => ({ name, node })),
  );
  const dir = await mkdtemp(join(tmpdir(), 'conch-gate-'));
  const valuesOf = async (model: typeof original, name: string, outputs: readonly string[]) => {
    const copy = join(dir, name);
    await writeOnnx(
      copy,
      { ...model, outputs: outputs.map((output) => ({ name: output, elementType: 0, shape: undefined })) },
      { producer: { name: 'conch', version: packageVersion() } },
    );
    const [results] = await runModel({ what: 'a copy of the graph', path: copy, samples: [sample], outputs }, signal);
    return results!;
  };
  const errorsAt = async (places: readonly number[]) => {
    const names = places.map((place) => values[place]!.name);
    const expected = await valuesOf(original, 'reference.onnx', names);
    const actual = await valuesOf(compiled, 'compiled.onnx', names);
    return names.map((name) => relativeError(find(expected, name), find(actual, name)));
  };
  try {
    if (values.length === 0) return undefined;
    const step = Math.ceil(values.length / atOnce);
    const coarse = values
      .map((_, place) => place)
      .filter((place) => place % step === step - 1 || place === values.length - 1);
    const first = singledOut(await errorsAt(coarse), expectedErrors[precision]);
    const [after, until] = [first === 0 ? 0 : coarse[first - 1]! + 1, coarse[first]!];
    const fine = Array.from({ length: until - after + 1 }, (_, index) => after + index);
    const errors = await errorsAt(fine);
    const found = singledOut(errors, expectedErrors[precision]);
    const { name, node } = values[fine[found]!]!;
    return {
      node: node.name,
      operator: node.type,
      value: name,
      relativeError: errors[found]!,
      place: fine[found]!,
      of: values.length,
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The first that exceeds the limit, else where the error grows most. */
function singledOut(errors: readonly number[], limit: number): number {
  const over = errors.findIndex((error) => !(error <= limit));
  if (over >= 0) return over;
  const growth = errors.map((error, index) => error - (errors[index - 1] ?? 0));
  return growth.indexOf(Math.max(...growth));
}

function find(tensors: readonly GateTensor[], name: string): GateTensor {
  return tensors.find((tensor) => tensor.name === name)!;
}

function relativeError(expected: GateTensor, actual: GateTensor): number {
  let [difference, square] = [0, 0];
  for (let index = 0; index < expected.data.length; index++) {
    const [wanted, is] = [Number(expected.data[index]), Number(actual.data[index] ?? Number.NaN)];
    // Masks hold the lowest float or infinity on purpose.
    if (wanted === is || Math.abs(wanted) > 1e30) continue;
    difference += (wanted - is) ** 2;
    square += wanted ** 2;
  }
  if (difference === 0) return 0;
  return square === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(difference / square);
}
