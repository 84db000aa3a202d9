import { ConchError } from '../../base/index.ts';
import type { InferenceResponse } from '../../protocol/index.ts';
import { elementsOf, type Flat, flatten, sameShape } from './nested.ts';
import type { Deviation } from './report.ts';

/** How one line compares. */
export interface Comparison {
  /** What is wrong, each in a sentence; empty when the line is as expected. */
  readonly reasons: readonly string[];
  readonly worst: Deviation | undefined;
  /** Sum and number of the finite absolute errors. */
  readonly errorSum: number;
  readonly errorCount: number;
  /** The values whose order is that of the classes, of a line that is one item of a model with classes. */
  readonly classes: Pair | undefined;
  /** The first numeric output that differs, or else the first one, for the list of failures. */
  readonly shown: Pair | undefined;
}

interface Pair {
  readonly expected: readonly number[];
  readonly got: readonly number[];
}

/** The comparison of a line that got no answer. */
export function failedComparison(reason: string): Comparison {
  return { reasons: [reason], worst: undefined, errorSum: 0, errorCount: 0, classes: undefined, shown: undefined };
}

/**
 * Compares the outputs of a response with their expected values. An element passes when |expected - got| is at most
 * `tolerance`; NaN and infinities never pass, nor does another shape.
 */
export function compareOutputs(
  line: number,
  expected: ReadonlyMap<string, unknown>,
  response: InferenceResponse,
  options: {
    readonly tolerance: number;
    readonly batched: boolean;
    readonly file: string;
    readonly classOutput: string | undefined;
  },
): Comparison {
  const reasons: string[] = [];
  let worst: Deviation | undefined;
  let errorSum = 0;
  let errorCount = 0;
  let shown: Pair | undefined;
  let classes: Pair | undefined;
  for (const [output, value] of expected) {
    const want = flattenExpected(value, output, { file: options.file, line });
    const tensor = response.outputs.find(({ name }) => name === output);
    if (!tensor) {
      reasons.push(`${output}: the server gave no such output`);
      continue;
    }
    const got = elementsOf(tensor);
    const numbers = isNumeric(want.elements) && isNumeric(got);
    const pair: Pair | undefined = numbers ? { expected: want.elements as number[], got: got as number[] } : undefined;
    if (!sameShape(want.shape, tensor.shape, options.batched) || want.elements.length !== got.length) {
      reasons.push(`${output}: expected shape [${want.shape}], got [${tensor.shape}]`);
      shown = pair ?? shown;
      continue;
    }
    if (!pair) {
      const odd = want.elements.findIndex((element, index) => element !== got[index]);
      if (odd >= 0) {
        reasons.push(`${output}[${odd}]: expected ${quote(want.elements[odd])}, got ${quote(got[odd])}`);
      }
      continue;
    }
    if (output === options.classOutput && tensor.shape.at(-1) === got.length) classes = pair;
    const deviation = deviationOf(line, output, pair.expected, pair.got);
    errorSum += deviation.sum;
    errorCount += deviation.count;
    if (!worst || deviation.worst.error > worst.error) worst = deviation.worst;
    const missed = !(deviation.worst.error <= options.tolerance);
    if (missed) {
      const { index, expected, got, error } = deviation.worst;
      const off = Number.isFinite(error) ? `off by ${error.toExponential(2)}` : 'which never passes';
      reasons.push(`${output}[${index}]: expected ${short(expected)}, got ${short(got)}, ${off}`);
    }
    if (!shown || missed) shown = pair;
  }
  return { reasons, worst, errorSum, errorCount, classes, shown };
}

function flattenExpected(value: unknown, output: string, where: { file: string; line: number }): Flat {
  try {
    const { shape, elements } = flatten(value, output);
    return { shape, elements: elements.map((element) => (typeof element === 'boolean' ? Number(element) : element)) };
  } catch (error) {
    throw error instanceof ConchError ? new ConchError('FILE_INVALID', error.message, { where }) : error;
  }
}

function deviationOf(line: number, output: string, expected: readonly number[], got: readonly number[]) {
  let worst: Deviation = { line, output, index: 0, expected: expected[0] ?? 0, got: got[0] ?? 0, error: 0 };
  let sum = 0;
  let count = 0;
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs(expected[index]! - got[index]!);
    const error = Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
    if (Number.isFinite(error)) {
      sum += error;
      count++;
    }
    if (error > worst.error) worst = { line, output, index, expected: expected[index]!, got: got[index]!, error };
  }
  return { worst, sum, count };
}

function isNumeric(elements: readonly unknown[]): boolean {
  return elements.every((element) => typeof element === 'number');
}

function quote(element: unknown): string {
  const text = JSON.stringify(element) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Seven significant digits: what a 32-bit float holds. */
export function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(7))) : String(value);
}

/** Index of the highest element, the first one of equals; -1 where one is NaN. */
export function highest(values: readonly number[]): number {
  let best = -1;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (Number.isNaN(value)) return -1;
    if (best < 0 || value > values[best]!) best = index;
  }
  return best;
}
