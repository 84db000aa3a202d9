import type { Prediction } from './gaussian-process.ts';
import type { Goal, Measurement, Objective } from './measurement.ts';
import { outcomeOf } from './measurement.ts';
import type { Reason } from './report.ts';
import type { Point, Space } from './space.ts';

/** A share below which two measurements count as the same. */
const noise = 0.02;

/**
 * Why each setting of the winner has its value: how much worse the winner is with the present value of that setting, as
 * measured where it was, else as the search's model of all measurements has it.
 */
export function reasonsFor(
  space: Space,
  winner: Point,
  goal: Goal,
  of: (id: string) => readonly Measurement[],
  believe: ((point: Point) => Prediction) | undefined,
): Reason[] {
  const own = outcomeOf(of(winner.join()), goal).objective;
  return space.dimensions.flatMap(({ model, setting, values, present }, at): Reason[] => {
    const [from, to] = [values[present], values[winner[at]!]];
    if (from === to) return [];
    const without = space.canonical(winner.with(at, present));
    const measured = of(without.join());
    const outcome = measured.length > 0 ? outcomeOf(measured, goal) : undefined;
    const other = outcome?.failed ? undefined : (outcome?.objective ?? believe?.(without).mean);
    const how = outcome && !outcome.failed ? 'measured' : 'expected from the other measurements';
    const reason = outcome?.failed
      ? `with ${shown(from)} it failed: ${measured[0]!.failed}`
      : other === undefined
        ? 'comes with the configuration that is best'
        : explain(goal.objective, Math.exp(own - other), shown(from), how);
    return [{ model, setting, from, to, reason }];
  });
}

function explain(objective: Objective, ratio: number, from: string, how: string): string {
  if (Math.abs(Math.log(ratio)) < noise) return `no difference to ${from} (${how}); comes with the best configuration`;
  const what = objective === 'throughput' ? 'times the throughput' : 'times the p99';
  const value = objective === 'throughput' ? ratio : 1 / ratio;
  return `${value.toFixed(2)} ${what} of ${from} (${how})`;
}

function shown(value: number | string | undefined): string {
  return value === undefined ? 'none' : String(value);
}
