import { ConchError, toConchError } from '../src/base/index.ts';
import type { ModelConfig } from '../src/config/index.ts';
import type { CustomMetricFamily, ModelCounters } from '../src/engine/index.ts';
import type {
  InferenceRequest,
  InferenceResponse,
  ModelIndexEntry,
  ModelMetadata,
  ResponseEvent,
} from '../src/protocol/index.ts';
import type { ServedEngine } from '../src/server/index.ts';
import type { Tensor } from '../src/tensor/index.ts';

type Run = (request: InferenceRequest) => Tensor[] | Promise<Tensor[]>;

interface FakeModel {
  readonly config: ModelConfig;
  readonly run: Run;
  readonly labels?: string[];
  readonly ready?: boolean;
}

/**
 * An engine without a runtime, for tests of what stands around it: `sum` adds up its FP32 input, `echo` returns its
 * inputs, `classes` has labels, `slow` answers when `release` is called or its request is aborted, `broken` has a
 * defect, `full` refuses, `loading` is known but not ready.
 */
export class FakeEngine implements ServedEngine {
  readonly requests: InferenceRequest[] = [];
  readonly aborted: string[] = [];
  /** What models keep themselves. */
  kept: CustomMetricFamily[] = [];
  closed = false;
  private started = false;
  private waiting: (() => void)[] = [];
  private arrivals: (() => void)[] = [];
  private finishStart: (() => void) | undefined;
  private readonly holdStart: boolean;
  private readonly failStart: Error | undefined;
  private readonly models: Map<string, FakeModel>;

  constructor(options: { holdStart?: boolean; failStart?: Error } = {}) {
    this.holdStart = options.holdStart ?? false;
    this.failStart = options.failStart;
    this.models = new Map(Object.entries(this.createModels()));
  }

  private createModels(): Record<string, FakeModel> {
    const config = (name: string, dims: number[], output = 'y'): ModelConfig => ({
      name,
      backend: 'onnxruntime',
      max_batch_size: 8,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims }],
      output: [{ name: output, data_type: 'TYPE_FP32', dims: [1] }],
    });
    return {
      sum: { config: { ...config('sum', [10]), metric_tags: { team: 'a"b' } }, run: sumRows },
      echo: { config: config('echo', [-1]), run: (request) => [...request.inputs] },
      text: {
        config: {
          ...config('text', [1]),
          max_batch_size: 0,
          input: [{ name: 't', data_type: 'TYPE_STRING', dims: [1] }],
        },
        run: (request) => [...request.inputs],
      },
      pair: {
        config: { ...config('pair', [1]), input: [...config('a', [1]).input!, ...config('b', [1]).input!] },
        run: (request) => [...request.inputs],
      },
      classes: {
        config: config('classes', [3], 'logits'),
        labels: ['positive', 'negative', 'neutral'],
        run: ({ inputs: [x] }) => [{ name: 'logits', datatype: 'FP32', shape: x!.shape, data: x!.data }],
      },
      slow: { config: config('slow', [1]), run: (request) => this.wait(request) },
      broken: {
        config: config('broken', [1]),
        run: () => {
          throw new TypeError('secret detail');
        },
      },
      full: {
        config: config('full', [1]),
        run: () => {
          throw new ConchError('QUEUE_FULL', "model 'full': its queue is full");
        },
      },
      counter: {
        config: { ...config('counter', [1]), model_transaction_policy: { decoupled: true } },
        run: ({ inputs: [x] }) =>
          Array.from({ length: (x!.data as Float32Array)[0]! }, (_, index) => ({
            name: 'y',
            datatype: 'FP32',
            shape: [1, 1],
            data: Float32Array.of(index),
          })),
      },
      loading: { config: config('loading', [1]), run: () => [], ready: false },
    };
  }

  private async wait(request: InferenceRequest): Promise<Tensor[]> {
    for (const arrived of this.arrivals.splice(0)) arrived();
    await new Promise<void>((resolve, reject) => {
      this.waiting.push(resolve);
      request.signal?.addEventListener('abort', () => {
        this.aborted.push(request.id ?? '');
        for (const arrived of this.arrivals.splice(0)) arrived();
        reject(new ConchError('REQUEST_CANCELLED', 'cancelled'));
      });
    });
    return [...request.inputs];
  }

  /** Resolves at the next arrival at, or abortion of, `slow`. */
  nextEvent(): Promise<void> {
    return new Promise((resolve) => this.arrivals.push(resolve));
  }

  release(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  finishLoading(): void {
    this.finishStart?.();
  }

  async start(): Promise<void> {
    if (this.holdStart) await new Promise<void>((resolve) => (this.finishStart = resolve));
    if (this.failStart) throw this.failStart;
    this.started = true;
  }

  private model(name: string, version?: string): FakeModel {
    const model = this.models.get(name);
    if (!model) throw new ConchError('MODEL_NOT_FOUND', `no model '${name}' is known`);
    if (version !== undefined && version !== '1') {
      throw new ConchError('MODEL_NOT_FOUND', `model '${name}' has no version ${version}`);
    }
    if (model.ready === false) throw new ConchError('MODEL_NOT_READY', `model '${name}' is not ready`);
    return model;
  }

  isLive(): boolean {
    return this.started;
  }
  isReady(): boolean {
    return this.started;
  }
  isModelReady(name: string, version?: string): boolean {
    return this.model(name, version) !== undefined;
  }

  answer(request: InferenceRequest): Promise<InferenceResponse> {
    return this.infer(request);
  }

  async infer(request: InferenceRequest): Promise<InferenceResponse> {
    const model = this.model(request.model, request.version);
    this.requests.push(request);
    const outputs = await model.run(request);
    return { model: request.model, version: '1', id: request.id, outputs, parameters: request.parameters };
  }

  isDecoupled(name: string, version?: string): boolean {
    return this.model(name, version).config.model_transaction_policy?.decoupled ?? false;
  }

  async stream(request: InferenceRequest, onResponse: (event: ResponseEvent) => void): Promise<void> {
    const model = this.model(request.model, request.version);
    if (request.model === 'full') await this.infer(request);
    try {
      if (this.isDecoupled(request.model)) {
        for (const output of await model.run(request)) {
          const response = { model: request.model, version: '1', id: request.id, outputs: [output] };
          onResponse({ response, final: false });
        }
        onResponse({ response: undefined, final: true });
      } else onResponse({ response: await this.infer(request), final: true });
    } catch (thrown) {
      onResponse({ response: toConchError(thrown), final: true });
    }
  }

  metadata(name: string, version?: string): ModelMetadata {
    const { config } = this.model(name, version);
    const tensors = (list: ModelConfig['input'] | ModelConfig['output']) =>
      (list ?? []).map((tensor) => ({
        name: tensor.name!,
        datatype: 'FP32',
        shape: [-1, ...tensor.dims!.map(Number)],
      }));
    return {
      name,
      versions: ['1'],
      platform: config.backend!,
      inputs: tensors(config.input),
      outputs: tensors(config.output),
    };
  }

  config(name: string, version?: string): ModelConfig {
    return this.model(name, version).config;
  }

  index(): ModelIndexEntry[] {
    return [...this.models].map(([name, { ready }]) => ({
      name,
      version: '1',
      state: ready === false ? 'LOADING' : 'READY',
      reason: '',
    }));
  }

  statistics(name?: string, version?: string): ModelCounters['statistics'][] {
    if (name === undefined) return ['sum', 'echo'].map(statisticsOf);
    this.model(name, version);
    return [statisticsOf(name)];
  }

  customMetrics(): CustomMetricFamily[] {
    return this.kept;
  }

  counters(): ModelCounters[] {
    return this.statistics().map((statistics) => ({
      statistics,
      failures: { REJECTED: 1, CANCELED: 0, BACKEND: 2, OTHER: 0 },
      pending: 3,
      loadSeconds: 0.25,
      caching: this.config(statistics.name).response_cache?.enable === true,
      latencies: undefined,
    }));
  }

  labels(name: string): string[] | undefined {
    return this.model(name).labels;
  }
  /** As an engine in model control mode none. */
  async load(name: string): Promise<void> {
    throw new ConchError('NOT_SUPPORTED', `model '${name}' cannot be loaded or unloaded by request`, {
      status: 'UNAVAILABLE',
    });
  }
  unload = this.load;
  async poll(): Promise<void> {}
  holdsSequences(): boolean {
    return false;
  }
  async finishSequences(): Promise<boolean> {
    return true;
  }
  async close(): Promise<boolean> {
    this.closed = true;
    return true;
  }
}

function sumRows({ inputs: [x] }: InferenceRequest): Tensor[] {
  const data = x!.data as Float32Array;
  const rows = x!.shape[0]!;
  const width = data.length / rows;
  const sums = Float32Array.from({ length: rows }, (_, row) =>
    data.subarray(row * width, (row + 1) * width).reduce((total, value) => total + value, 0),
  );
  return [{ name: 'y', datatype: 'FP32', shape: [rows, 1], data: sums }];
}

function statisticsOf(name: string): ModelCounters['statistics'] {
  const duration = (count: number) => ({ count, ns: count * 1_500_000 });
  return {
    name,
    version: '1',
    last_inference: 1_700_000_000_000,
    inference_count: 7,
    execution_count: 4,
    inference_stats: {
      success: duration(5),
      fail: duration(3),
      queue: duration(5),
      compute_input: duration(4),
      compute_infer: duration(4),
      compute_output: duration(4),
      cache_hit: duration(0),
      cache_miss: duration(0),
    },
    response_stats: {},
    batch_stats: [],
    memory_usage: [],
  };
}
