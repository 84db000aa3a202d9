import type { ProgressTask } from '../../base/index.ts';
import type { Precision } from '../lowering/lower.ts';
import { Comparison, indexOfLargest, macroF1 } from './comparison.ts';
import { type Departure, firstDeparture } from './departure.ts';
import type { GateLimits } from './limits.ts';
import { runModel } from './runner.ts';
import { type GateTensor, rowsOf, type Sample } from './sample.ts';

/** What a compiled model is compared on. */
export interface GateInputs {
  readonly batches: readonly Sample[];
  /** The first inputs of `batches` one by one, without the padding that they have there; none where that means nothing. */
  readonly alone: readonly Sample[];
  /** Inputs (texts, or rows) in `batches`. */
  readonly count: number;
  /** Tokens of the longest, for texts. */
  readonly longest?: number;
  /** What the source model gives for the first inputs of `batches`, where that is known: rows of the first output. */
  readonly expected?: readonly (Float64Array | undefined)[];
  /** The true classes of the first inputs, as indices. */
  readonly truth?: readonly (number | undefined)[];
}

export interface GateOrder extends GateInputs {
  /** The compiled model. */
  readonly path: string;
  /** The FP32 graph that it was made from; undefined where it is that itself. */
  readonly reference: string | undefined;
  readonly precision: Precision;
  /** The first output's largest element is a label. */
  readonly classifies: boolean;
  readonly limits: GateLimits;
  /** Largest difference of the FP32 graph from `expected`. */
  readonly tolerance: number;
  /** Told what the model gave for each of `batches`. */
  readonly onOutputs?: (outputs: readonly (readonly GateTensor[])[]) => void;
  readonly task?: ProgressTask;
  readonly signal?: AbortSignal | undefined;
}

/** What conch.json says of the comparison; errors are absolute, of elements of the outputs. */
export interface GateReport {
  readonly passed: boolean;
  readonly precision: Precision;
  /** What it was compared with: the FP32 graph, what `expect` says, both, or nothing but itself. */
  readonly against: readonly ('fp32' | 'expect')[];
  readonly inputs: number;
  readonly longest?: number;
  readonly worstAbsoluteError?: number;
  /** Least and mean cosine of the outputs' rows. */
  readonly cosine?: number;
  readonly meanCosine?: number;
  readonly labelAgreement?: number;
  /** In points of 100. */
  readonly macroF1?: { readonly source: number; readonly compiled: number };
  /** The FP32 graph against `expect`. */
  readonly sourceError?: number;
  /** Between several runs of the same inputs. */
  readonly repeatError: number;
  /** Between an input alone and in a padded batch. */
  readonly paddingError?: number;
  readonly limits: GateLimits;
  /** Limits that were missed, as sentences. */
  readonly missed: readonly string[];
  readonly departure?: Departure;
  readonly milliseconds: number;
}

const repeats = 2;
/** Between runs of the same inputs nothing should differ but the order of sums. */
const repeatTolerance = 1e-5;

/** Compares a compiled model with its source. Throws COMPILE_FAILED when one of them cannot be run. */
export async function passGate(order: GateOrder): Promise<GateReport> {
  const from = performance.now();
  const { path, reference, batches, alone, precision, limits, signal } = order;
  const again = Array.from({ length: repeats }, () => batches[0]!);
  const compared = [...batches, ...alone];
  order.task?.update(undefined, 'comparing');
  const run = (what: string, model: string, samples: readonly Sample[]) =>
    runModel({ what, path: model, samples }, signal);
  // The source first: where it cannot be run, that is what to say.
  const plain = reference === undefined ? undefined : await run('the source', reference, compared);
  const outputs = await run('the compiled model', path, [...compared, ...again]);
  order.onOutputs?.(outputs.slice(0, batches.length));
  const source = plain ?? outputs;

  const whole = new Comparison();
  const first = new Comparison();
  let probe: { sample: Sample; worst: number } | undefined;
  if (reference !== undefined) {
    for (const [index, sample] of compared.entries()) {
      const one = new Comparison();
      addOutputs(one, source[index]!, outputs[index]!, sample);
      addOutputs(whole, source[index]!, outputs[index]!, sample);
      first.add(rowsOf(source[index]![0]!, sample), rowsOf(sameAs(source[index]![0]!, outputs[index]!), sample));
      const small = index >= batches.length || alone.length === 0;
      if (small && (probe === undefined || one.worst > probe.worst)) probe = { sample, worst: one.worst };
    }
  }
  const repeated = new Comparison();
  for (const result of outputs.slice(compared.length)) addOutputs(repeated, outputs[0]!, result, batches[0]!);

  const rows = (results: typeof outputs) => batches.flatMap((sample, index) => rowsOf(results[index]![0]!, sample));
  const [sourceRows, compiledRows] = [rows(source), rows(outputs)];
  const sourceError = errorFrom(order.expected, sourceRows);
  const paddingError = alone.length > 0 ? paddingOf(compiledRows, alone, outputs.slice(batches.length)) : undefined;
  const scores = scoresOf(order.truth, sourceRows, compiledRows);
  const agreement = order.classifies && first.rows > 0 ? first.agreeing / first.rows : undefined;

  const figures = {
    ...(reference !== undefined && {
      worstAbsoluteError: whole.worst,
      cosine: whole.cosine,
      meanCosine: whole.meanCosine,
    }),
    ...(agreement !== undefined && { labelAgreement: agreement }),
    ...(scores && { macroF1: scores }),
    ...(sourceError !== undefined && { sourceError }),
    repeatError: repeated.worst,
    ...(paddingError !== undefined && { paddingError }),
  };
  const missed = missedLimits(order, figures, outputs);
  const departs = missed.length > 0 && reference !== undefined && probe !== undefined;
  const departure = departs
    ? await firstDeparture({ reference, path, sample: probe!.sample, precision, signal })
    : undefined;
  return {
    passed: missed.length === 0,
    precision,
    against: [
      ...(reference !== undefined ? (['fp32'] as const) : []),
      ...(sourceError !== undefined ? (['expect'] as const) : []),
    ],
    inputs: order.count,
    ...(order.longest !== undefined && { longest: order.longest }),
    ...figures,
    limits,
    missed,
    ...(departure && { departure }),
    milliseconds: Math.round(performance.now() - from),
  };
}

type Figures = Pick<
  GateReport,
  | 'worstAbsoluteError'
  | 'cosine'
  | 'meanCosine'
  | 'labelAgreement'
  | 'macroF1'
  | 'sourceError'
  | 'repeatError'
  | 'paddingError'
>;

function missedLimits(order: GateOrder, figures: Figures, outputs: readonly (readonly GateTensor[])[]): string[] {
  const { limits, precision, tolerance } = order;
  const missed: string[] = [];
  const atMost = (what: string, value: number | undefined, limit: number | undefined) => {
    if (value !== undefined && limit !== undefined && !(value <= limit)) {
      missed.push(`${what} is ${shown(value)}, more than ${shown(limit)}`);
    }
  };
  const atLeast = (what: string, value: number | undefined, limit: number | undefined) => {
    if (value !== undefined && limit !== undefined && !(value >= limit)) {
      missed.push(`${what} is ${shown(value)}, less than ${shown(limit)}`);
    }
  };
  const odd = outputs
    .flat()
    .find(({ data }) => data.some((value) => typeof value === 'number' && !Number.isFinite(value)));
  const usual = order.reference === undefined || figures.worstAbsoluteError === Number.POSITIVE_INFINITY;
  if (odd && usual) missed.push(`output '${odd.name}' has values that are no finite numbers`);
  atMost('the worst absolute error of the FP32 graph against expect', figures.sourceError, tolerance);
  atMost('the worst absolute error', figures.worstAbsoluteError, limits.max_error);
  if (order.classifies) {
    atLeast('label agreement', figures.labelAgreement, limits.label_agreement);
    const loss = figures.macroF1 && figures.macroF1.source - figures.macroF1.compiled;
    atMost('the loss of macro F1 in points', loss, limits.score_loss);
  } else {
    atLeast('the mean cosine', figures.meanCosine, limits.mean_cosine);
    atLeast('the least cosine', figures.cosine, limits.cosine);
  }
  atMost('the difference between runs of the same inputs', figures.repeatError, repeatTolerance);
  if (precision === 'fp32') {
    atMost('the difference between an input alone and in a padded batch', figures.paddingError, limits.max_error);
  }
  return missed;
}

function shown(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toPrecision(3);
}

/** All outputs of a run, by name. */
function addOutputs(
  into: Comparison,
  expected: readonly GateTensor[],
  actual: readonly GateTensor[],
  sample: Sample,
): void {
  for (const output of expected) into.add(rowsOf(output, sample), rowsOf(sameAs(output, actual), sample));
}

function sameAs({ name }: GateTensor, among: readonly GateTensor[]): GateTensor {
  return among.find((other) => other.name === name) ?? { name, datatype: 'FP32', dims: [0], data: new Float32Array(0) };
}

function errorFrom(
  expected: readonly (Float64Array | undefined)[] | undefined,
  rows: readonly Float64Array[],
): number | undefined {
  const pairs = (expected ?? []).flatMap((row, index) => (row ? [[row, rows[index]!] as const] : []));
  if (pairs.length === 0) return undefined;
  const comparison = new Comparison();
  comparison.add(
    pairs.map(([row]) => row),
    pairs.map(([, row]) => row),
  );
  return comparison.worst;
}

function paddingOf(
  rows: readonly Float64Array[],
  alone: readonly Sample[],
  outputs: readonly (readonly GateTensor[])[],
): number {
  const comparison = new Comparison();
  const apart = alone.flatMap((sample, index) => rowsOf(outputs[index]![0]!, sample));
  comparison.add(rows.slice(0, apart.length), apart);
  return comparison.worst;
}

function scoresOf(
  truth: readonly (number | undefined)[] | undefined,
  source: readonly Float64Array[],
  compiled: readonly Float64Array[],
): { source: number; compiled: number } | undefined {
  const known = (truth ?? []).flatMap((label, index) => (label === undefined ? [] : [{ label, index }]));
  if (known.length === 0) return undefined;
  const labels = known.map(({ label }) => label);
  const score = (rows: readonly Float64Array[]) =>
    macroF1(
      labels,
      known.map(({ index }) => indexOfLargest(rows[index]!)),
    );
  return { source: score(source), compiled: score(compiled) };
}
