import { ConchError, type ErrorCode } from '../base/index.ts';
import type { InferResponseStatistics, ModelStatistics, StatisticDuration } from '../protocol/index.ts';
import type { BackendResponse, BatchResult } from './backend.ts';
import type { Latencies, LatencySnapshot } from './latencies.ts';
import type { Durations } from './request.ts';

/** Why a scheduled request failed, as `nv_inference_request_failure` labels it. */
export type FailureReason = 'REJECTED' | 'CANCELED' | 'BACKEND' | 'OTHER';

/** What Prometheus wants of a ready version beyond its statistics. */
export interface ModelCounters {
  readonly statistics: ModelStatistics;
  readonly failures: Readonly<Record<FailureReason, number>>;
  /** Requests waiting for an instance (`nv_inference_pending_request_count`). */
  readonly pending: number;
  /** Seconds from the start of loading to ready (`nv_model_load_duration_secs`). */
  readonly loadSeconds: number;
  /** Whether responses of the model are kept: only then there are metrics of the cache. */
  readonly caching: boolean;
  /** Where the engine keeps more of latencies than totals. */
  readonly latencies: LatencySnapshot | undefined;
}

const reasons: { readonly [code in ErrorCode]?: FailureReason } = {
  QUEUE_TIMEOUT: 'REJECTED',
  QUEUE_FULL: 'REJECTED',
  REQUEST_CANCELLED: 'CANCELED',
  EXECUTION_FAILED: 'BACKEND',
  INTERNAL: 'BACKEND',
};

class Total {
  count = 0;
  ns = 0;
  add(ns: number): void {
    this.count += 1;
    this.ns += ns;
  }
  get(): StatisticDuration {
    return { count: this.count, ns: Math.round(this.ns) };
  }
}

interface BatchTotals {
  readonly computeInput: Total;
  readonly computeInfer: Total;
  readonly computeOutput: Total;
}

/** What became of the n-th responses to a decoupled model's requests. */
class ResponseTotals {
  readonly #infer = new Total();
  readonly #output = new Total();
  readonly #kinds = { success: new Total(), fail: new Total(), empty_response: new Total(), cancel: new Total() };

  add(response: BackendResponse | ConchError | undefined, ns: number): void {
    this.#infer.add(ns);
    if (response && !(response instanceof ConchError)) this.#output.add(0);
    this.#kinds[kindOf(response)].add(ns);
  }

  get(): InferResponseStatistics {
    const { success, fail, empty_response, cancel } = this.#kinds;
    return {
      compute_infer: this.#infer.get(),
      compute_output: this.#output.get(),
      success: success.get(),
      fail: fail.get(),
      empty_response: empty_response.get(),
      cancel: cancel.get(),
    };
  }
}

function kindOf(response: BackendResponse | ConchError | undefined) {
  if (response === undefined) return 'empty_response';
  if (!(response instanceof ConchError)) return 'success';
  return response.code === 'REQUEST_CANCELLED' ? 'cancel' : 'fail';
}

const newBatchTotals = (): BatchTotals => ({
  computeInput: new Total(),
  computeInfer: new Total(),
  computeOutput: new Total(),
});

/** Counts what one model version did, as Triton's statistics extension defines it. */
export class StatisticsRecorder {
  readonly #success = new Total();
  readonly #fail = new Total();
  readonly #queue = new Total();
  readonly #cacheHit = new Total();
  readonly #cacheMiss = new Total();
  readonly #compute = newBatchTotals();
  readonly #batches = new Map<number, BatchTotals>();
  readonly #responses: ResponseTotals[] = [];
  readonly #failures: Record<FailureReason, number> = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  readonly #latencies: Latencies | undefined;
  /** Whether the responses of decoupled requests are counted one by one: only where Triton's backend reports them. */
  countsResponses = true;
  #lastInference = 0;
  #inferences = 0;
  #executions = 0;

  constructor(latencies?: Latencies) {
    this.#latencies = latencies;
  }

  /** A request of `rows` rows was answered `totalNs` after it came in. */
  succeeded(rows: number, totalNs: number, durations: Durations): void {
    this.#success.add(totalNs);
    this.#queue.add(durations.queue);
    this.#compute.computeInput.add(durations.computeInput);
    this.#compute.computeInfer.add(durations.computeInfer);
    this.#compute.computeOutput.add(durations.computeOutput);
    this.#inferences += rows;
    this.#lastInference = Date.now();
    this.#latencies?.request(totalNs, durations);
  }

  /** A request was answered from the cache: a success without any computing. `ns` is what the look-up took. */
  cacheHit(ns: number): void {
    this.#success.add(ns);
    this.#queue.add(0);
    this.#cacheHit.add(ns);
    this.#lastInference = Date.now();
    this.#latencies?.cacheHit(ns);
  }

  /** A request was not in the cache; `ns` is what looking it up and storing its answer took. */
  cacheMiss(ns: number): void {
    this.#cacheMiss.add(ns);
    this.#latencies?.cacheMiss(ns);
  }

  /** A scheduled request failed; those that admission refused are not counted anywhere. */
  failed(totalNs: number, error: ConchError): void {
    this.#fail.add(totalNs);
    this.#failures[reasons[error.code] ?? 'OTHER'] += 1;
  }

  /** A decoupled model gave the `index`-th response to a request, `ns` after the request came in. */
  responded(index: number, response: BackendResponse | ConchError | undefined, ns: number): void {
    if (index === 0) this.#latencies?.firstResponse(ns);
    if (!this.countsResponses) return;
    this.#responses[index] ??= new ResponseTotals();
    this.#responses[index].add(response, ns);
  }

  /** A batch was executed, and not all of it failed. */
  executed(rows: number, times: Pick<BatchResult, 'computeInput' | 'computeInfer' | 'computeOutput'>): void {
    this.#executions += 1;
    let totals = this.#batches.get(rows);
    if (totals === undefined) {
      totals = newBatchTotals();
      this.#batches.set(rows, totals);
    }
    totals.computeInput.add(times.computeInput);
    totals.computeInfer.add(times.computeInfer);
    totals.computeOutput.add(times.computeOutput);
  }

  get latencies(): LatencySnapshot | undefined {
    return this.#latencies?.snapshot();
  }

  get failures(): Record<FailureReason, number> {
    return { ...this.#failures };
  }

  snapshot(name: string, version: string): ModelStatistics {
    return {
      name,
      version,
      last_inference: this.#lastInference,
      inference_count: this.#inferences,
      execution_count: this.#executions,
      inference_stats: {
        success: this.#success.get(),
        fail: this.#fail.get(),
        queue: this.#queue.get(),
        compute_input: this.#compute.computeInput.get(),
        compute_infer: this.#compute.computeInfer.get(),
        compute_output: this.#compute.computeOutput.get(),
        cache_hit: this.#cacheHit.get(),
        cache_miss: this.#cacheMiss.get(),
      },
      response_stats: Object.fromEntries(this.#responses.map((totals, index) => [`${index}`, totals.get()])),
      batch_stats: [...this.#batches]
        .sort(([a], [b]) => a - b)
        .map(([batch_size, totals]) => ({
          batch_size,
          compute_input: totals.computeInput.get(),
          compute_infer: totals.computeInfer.get(),
          compute_output: totals.computeOutput.get(),
        })),
      memory_usage: [],
    };
  }
}
