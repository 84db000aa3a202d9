import { ConchError } from '../base/index.ts';

export type CustomMetricKind = 'counter' | 'gauge' | 'histogram';
export type MetricLabels = Readonly<Record<string, string>>;

/** A family of metrics that models keep, with all its series. */
export interface CustomMetricFamily {
  readonly name: string;
  readonly description: string;
  readonly kind: CustomMetricKind;
  readonly series: readonly CustomMetricValue[];
}

export interface CustomMetricValue {
  /** Sorted by name. */
  readonly labels: MetricLabels;
  /** Of a histogram the sum of what was observed. */
  readonly value: number;
  /** Of a histogram: how many values were observed, and how many of them were at most each bound. */
  readonly count: number;
  readonly buckets: readonly (readonly [bound: number, below: number])[];
}

interface Family {
  readonly description: string;
  readonly kind: CustomMetricKind;
  readonly series: Map<string, MetricSeries>;
}

/**
 * The metrics that models keep. They belong to the server, not to an instance: who names the same family and labels counts
 * on in the same place, be it another instance, another model or the same one after a reload. A series stays until nobody
 * holds it and the last holder has given it up; a holder whose process ended only lets go of it. (Triton's core,
 * `metric_family.cc`; what outlives a model was seen at core 2.51.)
 */
export class CustomMetrics {
  readonly #families = new Map<string, Family>();

  /** Adds a family, or finds it; the description of the first counts. Throws REQUEST_INVALID. */
  addFamily(name: string, description: string, kind: CustomMetricKind): void {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) || name.startsWith('__')) {
      throw invalid(
        `'${name}' is no name for a metric: letters, digits, '_' and ':', without a digit or '__' in front`,
      );
    }
    const found = this.#families.get(name);
    if (!found) this.#families.set(name, { description, kind, series: new Map() });
    else if (found.kind !== kind) throw invalid(`the metric family '${name}' is there already, as a ${found.kind}`);
  }

  /** The series with these labels, held once more; `buckets` are upper bounds, ascending. Throws REQUEST_INVALID. */
  hold(name: string, labels: MetricLabels, buckets: readonly number[] = []): MetricSeries {
    const family = this.#families.get(name);
    if (!family) throw invalid(`there is no metric family '${name}'`);
    for (const label of Object.keys(labels)) {
      const taken = family.kind === 'histogram' && label === 'le';
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) || label.startsWith('__') || taken) {
        throw invalid(`'${label}' is no name for a label of '${name}': letters, digits and '_'`);
      }
    }
    if (!buckets.every((bound, index) => Number.isFinite(bound) && !(bound <= buckets[index - 1]!))) {
      throw invalid(`the buckets of '${name}' must be ascending numbers, they are ${buckets.join(', ')}`);
    }
    const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify(sorted);
    let series = family.series.get(key);
    if (!series) {
      series = new MetricSeries(Object.fromEntries(sorted), buckets, () => family.series.delete(key));
      family.series.set(key, series);
    }
    series.holders += 1;
    return series;
  }

  /** Those that have series, in order of their making. */
  families(): CustomMetricFamily[] {
    return [...this.#families]
      .filter(([, { series }]) => series.size > 0)
      .map(([name, { description, kind, series }]) => ({
        name,
        description,
        kind,
        series: [...series.values()].map((one) => one.get()),
      }));
  }
}

/** One series of a family. What may be done to it follows from the family's kind; the model's side checks that. */
export class MetricSeries {
  holders = 0;
  value = 0;
  readonly #labels: MetricLabels;
  readonly #bounds: readonly number[];
  /** Observed values by the first bound that they do not exceed; the last are above all. */
  readonly #counts: number[];
  readonly #remove: () => void;

  constructor(labels: MetricLabels, bounds: readonly number[], remove: () => void) {
    this.#labels = labels;
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
    this.#remove = remove;
  }

  observe(value: number): void {
    this.value += value;
    const index = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[index < 0 ? this.#bounds.length : index]! += 1;
  }

  /** A holder is gone: `forGood` by its own will, else because it ended. */
  release(forGood: boolean): void {
    this.holders -= 1;
    if (forGood && this.holders <= 0) this.#remove();
  }

  get(): CustomMetricValue {
    let below = 0;
    const buckets = this.#bounds.map((bound, index) => {
      below += this.#counts[index]!;
      return [bound, below] as const;
    });
    return { labels: this.#labels, value: this.value, count: below + this.#counts.at(-1)!, buckets };
  }
}

function invalid(message: string): ConchError {
  return new ConchError('REQUEST_INVALID', message);
}
