import { Comparison, indexOfLargest, macroF1 } from '../gate/comparison.ts';
import { type GateTensor, rowsOf, type Sample } from '../gate/sample.ts';
import type { AccuracyFigures } from './report.ts';

export interface AccuracyOrder {
  /** The reference's rows, in the order of the texts. */
  readonly expected: readonly Float64Array[];
  readonly actual: readonly Float64Array[];
  readonly classifies: boolean;
  /** True classes of the first rows, where they are known. */
  readonly truth: readonly (number | undefined)[];
}

/** Rows of a model's first output over all samples, without padding: the same number for padded and packed. */
export function firstOutput(
  samples: readonly Sample[],
  outputs: readonly (readonly GateTensor[])[],
  name: string,
): Float64Array[] {
  return samples.flatMap((sample, index) => {
    const results = outputs[index]!;
    const output = results.find((tensor) => tensor.name === name) ?? results[0];
    return output === undefined ? [] : rowsOf(output, sample);
  });
}

/** How far a variant departs from the reference. */
export function accuracyOf({ expected, actual, classifies, truth }: AccuracyOrder): AccuracyFigures {
  const comparison = new Comparison();
  comparison.add(expected, actual);
  const known = truth.flatMap((label, index) =>
    label === undefined || actual[index] === undefined ? [] : [{ label, row: actual[index] }],
  );
  return {
    worstError: comparison.worst,
    cosine: comparison.cosine,
    meanCosine: comparison.meanCosine,
    ...(classifies && comparison.rows > 0 && { labelAgreement: comparison.agreeing / comparison.rows }),
    ...(classifies &&
      known.length > 0 && {
        macroF1: macroF1(
          known.map(({ label }) => label),
          known.map(({ row }) => indexOfLargest(row)),
        ),
      }),
  };
}
