import type { Load } from '../bench/load.ts';
import type { Outcome } from './search.ts';

/** One configuration under its loads. */
export interface Measurement {
  /** The point, `0,2,1,0`. */
  readonly id: string;
  readonly loads: readonly LoadMeasurement[];
  /** Of the server's process tree at the highest; absent where its pid is not known. */
  readonly pssBytes?: number;
  /** Memory in use on all GPUs together, at the highest. */
  readonly gpuBytes?: number;
  /** Share of the machine that other processes had meanwhile, where it is known. */
  readonly others?: number;
  /** Why there is nothing to measure: it did not load, requests failed, memory ran out. */
  readonly failed?: string;
  readonly seconds: number;
}

export interface LoadMeasurement {
  readonly load: Load;
  /** Inferences a second. */
  readonly throughput: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export type Objective = 'throughput' | 'latency';

/** What is wanted, and the bounds that must be kept. */
export interface Goal {
  /** Inferences a second as many, or the p99 as low, as it goes. */
  readonly objective: Objective;
  /** Milliseconds at most. */
  readonly p99?: number;
  /** Bytes at most, of the server's processes; of GPU memory where `gpu` is set. */
  readonly memoryBytes?: number;
  readonly gpu?: boolean;
  /** Inferences a second at least. */
  readonly minThroughput?: number;
}

/**
 * The load at which a configuration does best: of those that keep the bounds, or, where none does, the one with the lowest
 * p99. Undefined of a failed measurement.
 */
export function bestLoad({ loads }: Measurement, goal: Goal): LoadMeasurement | undefined {
  const kept = loads.filter((one) => boundsOf(one, goal).every((bound) => bound <= 0));
  const better = (one: LoadMeasurement, other: LoadMeasurement) =>
    kept.length === 0 || goal.objective === 'latency' ? one.p99 < other.p99 : one.throughput > other.throughput;
  return (kept.length > 0 ? kept : loads).reduce<LoadMeasurement | undefined>(
    (best, one) => (!best || better(one, best) ? one : best),
    undefined,
  );
}

/** A measurement as the search takes it; several of the same point are averaged in their logarithms. */
export function outcomeOf(measurements: readonly Measurement[], goal: Goal): Outcome {
  const bounds =
    (goal.p99 === undefined ? 0 : 1) +
    (goal.minThroughput === undefined ? 0 : 1) +
    (goal.memoryBytes === undefined ? 0 : 1);
  const each = measurements.map((measurement): Outcome => {
    const best = bestLoad(measurement, goal);
    if (measurement.failed !== undefined || !best) {
      return { objective: 0, constraints: Array.from({ length: bounds }, () => 1), failed: true };
    }
    const memory = goal.gpu ? measurement.gpuBytes : measurement.pssBytes;
    return {
      objective: goal.objective === 'throughput' ? Math.log(best.throughput) : -Math.log(best.p99),
      constraints: [
        ...boundsOf(best, goal),
        ...(goal.memoryBytes === undefined ? [] : [memory === undefined ? 0 : Math.log(memory / goal.memoryBytes)]),
      ],
    };
  });
  const failed = each.find((one) => one.failed);
  if (failed || each.length === 1) return failed ?? each[0]!;
  const mean = (pick: (outcome: Outcome) => number) => each.reduce((sum, one) => sum + pick(one), 0) / each.length;
  return {
    objective: mean(({ objective }) => objective),
    constraints: each[0]!.constraints.map((_, at) => mean(({ constraints }) => constraints[at]!)),
  };
}

function boundsOf({ p99, throughput }: LoadMeasurement, goal: Goal): number[] {
  return [
    ...(goal.p99 === undefined ? [] : [Math.log(p99 / goal.p99)]),
    ...(goal.minThroughput === undefined ? [] : [Math.log(goal.minThroughput / throughput)]),
  ];
}
