import type { InferenceClient } from '../../client/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { InferStatistics, ModelStatistics } from '../../protocol/index.ts';

/** Where the time of a request went in one model, in the mean, as the server's own statistics have it. */
export interface ServerShare {
  readonly model: string;
  /** Requests that succeeded and that failed in the measured time. */
  readonly requests: number;
  readonly failed: number;
  readonly inferences: number;
  readonly executions: number;
  /** Inferences in an execution, in the mean. */
  readonly batch: number;
  /** Milliseconds a request. */
  readonly queue: number;
  readonly computeInput: number;
  readonly computeInfer: number;
  readonly computeOutput: number;
  /** All of it, the cache included. */
  readonly total: number;
  /** Requests answered from the response cache. */
  readonly cacheHits: number;
}

/** The model, and behind it those of its steps where it is an ensemble, of ensembles within too. */
export async function modelsInside(
  client: InferenceClient,
  model: string,
  config: ModelConfig,
  signal?: AbortSignal,
): Promise<string[]> {
  const found = new Set([model]);
  const visit = async (steps: ModelConfig): Promise<void> => {
    for (const { model_name: name } of steps.ensemble_scheduling?.step ?? []) {
      if (name === undefined || found.has(name)) continue;
      found.add(name);
      await visit(await client.modelConfig(name, undefined, signal).catch(() => ({})));
    }
  };
  await visit(config);
  return [...found];
}

/** The counters of some models now; undefined where the server keeps none (KServe's protocol asks for none). */
export async function readCounters(
  client: InferenceClient,
  models: readonly string[],
  signal?: AbortSignal,
): Promise<ModelStatistics[] | undefined> {
  try {
    return (await Promise.all(models.map((name) => client.statistics(name, undefined, signal)))).flat();
  } catch {
    return undefined;
  }
}

/** What was added to the counters between two readings, by model; versions of a model are summed up. */
export function sharesBetween(before: readonly ModelStatistics[], after: readonly ModelStatistics[]): ServerShare[] {
  const names = [...new Set(after.map(({ name }) => name))];
  return names.flatMap((model) => {
    const added = (pick: (statistics: ModelStatistics) => number) => {
      const sum = (list: readonly ModelStatistics[]) =>
        list.filter(({ name }) => name === model).reduce((total, one) => total + (pick(one) || 0), 0);
      return sum(after) - sum(before);
    };
    const requests = added((one) => one.inference_stats.success.count);
    if (requests <= 0) return [];
    const milliseconds = (field: keyof InferStatistics) =>
      added((one) => one.inference_stats[field]?.ns ?? 0) / 1e6 / requests;
    const [inferences, executions] = [added((one) => one.inference_count), added((one) => one.execution_count)];
    return [
      {
        model,
        requests,
        failed: added((one) => one.inference_stats.fail.count),
        inferences,
        executions,
        batch: executions > 0 ? inferences / executions : 0,
        queue: milliseconds('queue'),
        computeInput: milliseconds('compute_input'),
        computeInfer: milliseconds('compute_infer'),
        computeOutput: milliseconds('compute_output'),
        total: milliseconds('success'),
        cacheHits: added((one) => one.inference_stats.cache_hit?.count ?? 0),
      },
    ];
  });
}
