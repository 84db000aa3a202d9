import type { InferenceResponse } from '../../protocol/index.ts';
import { bfloat16ToNumber, decodeStrings, halfToNumber, type Tensor } from '../../tensor/index.ts';

export interface Comparison {
  /** Largest difference between two numbers at the same place. */
  readonly maxAbsDifference: number;
  /** Rows of outputs with scores, and how many have another largest score. */
  readonly rows: number;
  readonly labelDisagreements: number;
  /** What cannot be compared at all, e.g. another shape. */
  readonly mismatch?: string;
}

/** Two answers to the same inputs, output by output. */
export function compareResponses(one: InferenceResponse, other: InferenceResponse): Comparison {
  let maxAbsDifference = 0;
  let rows = 0;
  let labelDisagreements = 0;
  for (const output of one.outputs) {
    const twin = other.outputs.find(({ name }) => name === output.name);
    const mismatch = mismatchOf(output, twin);
    if (mismatch !== undefined) return { maxAbsDifference, rows, labelDisagreements, mismatch };
    if (output.datatype === 'BYTES') {
      const [texts, others] = [output, twin!].map(({ data }) => decodeStrings(data as Uint8Array));
      if (texts!.some((text, at) => text !== others![at])) {
        return { maxAbsDifference, rows, labelDisagreements, mismatch: `output '${output.name}' has other texts` };
      }
      continue;
    }
    const [a, b] = [numbersOf(output), numbersOf(twin!)];
    for (let at = 0; at < a.length; at++) {
      const difference = Object.is(a[at], b[at]) ? 0 : Math.abs(a[at]! - b[at]!);
      if (!Number.isFinite(difference)) {
        const mismatch = `output '${output.name}' has ${b[at]} in place of ${a[at]}`;
        return { maxAbsDifference, rows, labelDisagreements, mismatch };
      }
      if (difference > maxAbsDifference) maxAbsDifference = difference;
    }
    const classes = output.shape.at(-1) ?? 0;
    if (output.shape.length !== 2 || classes < 2 || !/^(FP|BF)/.test(output.datatype)) continue;
    for (let start = 0; start < a.length; start += classes) {
      rows++;
      if (largestOf(a, start, classes) !== largestOf(b, start, classes)) labelDisagreements++;
    }
  }
  return { maxAbsDifference, rows, labelDisagreements };
}

/** Whether every number of an answer is one: a model that is broken often answers NaN. */
export function isFiniteThroughout(response: InferenceResponse): boolean {
  return response.outputs.every(
    (output) =>
      output.datatype === 'BYTES' || !/^(FP|BF)/.test(output.datatype) || numbersOf(output).every(Number.isFinite),
  );
}

function mismatchOf(output: Tensor, twin: Tensor | undefined): string | undefined {
  if (!twin) return `output '${output.name}' is missing`;
  if (twin.datatype !== output.datatype) return `output '${output.name}' is ${twin.datatype}, not ${output.datatype}`;
  if (String(twin.shape) !== String(output.shape)) {
    return `output '${output.name}' has shape [${twin.shape}], not [${output.shape}]`;
  }
  return undefined;
}

function numbersOf({
  datatype,
  data,
}: Tensor): ArrayLike<number> & { every(test: (value: number) => boolean): boolean } {
  if (datatype === 'FP16') return Float32Array.from(data as Uint16Array, halfToNumber);
  if (datatype === 'BF16') return Float32Array.from(data as Uint16Array, bfloat16ToNumber);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return data as Float32Array;
}

function largestOf(values: ArrayLike<number>, start: number, count: number): number {
  let best = 0;
  for (let at = 1; at < count; at++) if (values[start + at]! > values[start + best]!) best = at;
  return best;
}
