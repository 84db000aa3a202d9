import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError } from '../../base/index.ts';
import { Comparison } from '../gate/comparison.ts';
import type { GateLimits } from '../gate/limits.ts';
import { runModel } from '../gate/runner.ts';
import { type GateTensor, rowsOf, type Sample } from '../gate/sample.ts';
import { sampleFolder } from './plan-order.ts';
import { workFiles } from './trtexec.ts';

/** How far a plan departs from the ONNX that it was built from, which ONNX Runtime ran on the same inputs. */
export interface PlanComparison {
  readonly samples: number;
  readonly worstAbsoluteError: number;
  readonly cosine: number;
  readonly labelAgreement?: number;
  /** Limits that were missed, as sentences. */
  readonly missed: readonly string[];
}

/** Compares what trtexec wrote for the samples in `work` with what the ONNX there gives. */
export async function comparePlan(options: {
  readonly name: string;
  readonly plan: string;
  readonly work: string;
  readonly samples: readonly Sample[];
  readonly limits: GateLimits;
  readonly classifies: boolean;
  readonly signal?: AbortSignal | undefined;
}): Promise<PlanComparison> {
  const { name, plan, work, samples, limits, classifies, signal } = options;
  const expected = await runModel(
    { what: 'the ONNX that the plan was built from', path: join(work, workFiles.onnx), samples },
    signal,
  );
  const whole = new Comparison();
  const first = new Comparison();
  for (const [index, sample] of samples.entries()) {
    const file = join(work, sampleFolder(index), 'outputs.json');
    const outputs = await readOutputs(name, file);
    for (const [at, output] of expected[index]!.entries()) {
      const actual = outputs.find((one) => one.name === output.name);
      if (actual === undefined) throw unreadable(name, file, `it has no output '${output.name}'`);
      const rows = [rowsOf(output, sample), rowsOf(actual, sample)] as const;
      whole.add(...rows);
      if (at === 0) first.add(...rows);
    }
  }
  const agreement = classifies && first.rows > 0 ? first.agreeing / first.rows : undefined;
  const missed: string[] = [];
  const miss = (is: boolean, what: string) => is && missed.push(`${plan}: ${what}`);
  const { max_error, label_agreement, mean_cosine, cosine } = limits;
  // Written so that what is no number misses.
  miss(!Number.isFinite(whole.worst), 'its outputs differ in shape, or are no finite numbers');
  miss(
    max_error !== undefined && !(whole.worst <= max_error),
    `the worst absolute error is ${shown(whole.worst)}, more than ${max_error}`,
  );
  if (agreement !== undefined && label_agreement !== undefined) {
    miss(!(agreement >= label_agreement), `label agreement is ${shown(agreement)}, less than ${label_agreement}`);
  }
  if (!classifies) {
    miss(
      mean_cosine !== undefined && !(first.meanCosine >= mean_cosine),
      `the mean cosine is ${shown(first.meanCosine)}, less than ${mean_cosine}`,
    );
    miss(
      cosine !== undefined && !(first.cosine >= cosine),
      `the least cosine is ${shown(first.cosine)}, less than ${cosine}`,
    );
  }
  return {
    samples: samples.length,
    worstAbsoluteError: whole.worst,
    cosine: first.cosine,
    ...(agreement !== undefined && { labelAgreement: agreement }),
    missed,
  };
}

function shown(value: number): string {
  return value.toPrecision(3);
}

/** trtexec's --exportOutput: a list of `{ name, dimensions: "2x3", values: [...] }`, in which nan and inf stand bare. */
async function readOutputs(name: string, file: string): Promise<GateTensor[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new ConchError('PLAN_FAILED', `${name}: trtexec wrote no outputs to ${file}`, {
      fix: 'where trtexec runs elsewhere, the command must bring the files of its folder back: see tensorrt.where',
    });
  }
  let list: { name: string; dimensions: string; values: (number | null)[] }[];
  try {
    list = JSON.parse(text.replaceAll(/(?<=[[,\s])-?(?:nan|inf)(?=[\],\s])/gi, 'null'));
  } catch (error) {
    throw unreadable(name, file, (error as Error).message);
  }
  return list.map(({ name: output, dimensions, values }) => ({
    ...{ name: output, datatype: 'FP32' },
    dims: dimensions.split('x').map(Number),
    data: Float32Array.from(values, (value) => value ?? Number.NaN),
  }));
}

function unreadable(name: string, file: string, why: string): ConchError {
  return new ConchError('PLAN_FAILED', `${name}: what trtexec wrote to ${file} cannot be read: ${why}`, {
    where: { file },
  });
}
