import type { CustomMetrics, MetricSeries } from '../../custom-metrics.ts';
import type { MetricChange, MetricQuestion } from './messages.ts';

/** The metrics that one instance of a model holds, by the numbers under which its process knows them. */
export class KeptMetrics {
  readonly #metrics: CustomMetrics;
  readonly #held = new Map<number, MetricSeries>();
  #next = 1;

  constructor(metrics: CustomMetrics) {
    this.#metrics = metrics;
  }

  /** The answer as text. Throws REQUEST_INVALID for families and metrics that cannot be. */
  ask(question: MetricQuestion): string {
    if (question.kind === 'metric_family') {
      this.#metrics.addFamily(question.name, question.description, question.metric);
      return '';
    }
    if (question.kind === 'metric_value') return String(this.#held.get(question.metric)?.value);
    const number = this.#next++;
    this.#held.set(number, this.#metrics.hold(question.name, question.labels, question.buckets));
    return String(number);
  }

  change({ metric, change, value }: MetricChange): void {
    const series = this.#held.get(metric);
    if (!series) return;
    if (change === 'observe') series.observe(Number(value));
    else if (change === 'set') series.value = Number(value);
    else series.value += Number(value);
  }

  /** The model has deleted their family. */
  giveUp(numbers: readonly number[]): void {
    for (const number of numbers) {
      this.#held.get(number)?.release(true);
      this.#held.delete(number);
    }
  }

  /** The process has ended. */
  letGo(): void {
    for (const series of this.#held.values()) series.release(false);
    this.#held.clear();
  }
}
