/** A graph over time: what it asks Prometheus, and how a series is named. */
export interface Panel {
  readonly title: string;
  readonly unit: 'reqps' | 's' | 'µs' | 'short' | 'percentunit' | 'bytes' | 'watt' | 'ops';
  readonly description: string;
  readonly queries: readonly { readonly expr: string; readonly legend: string }[];
}

export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** Only of use where Triton has a GPU. */
  readonly gpu?: boolean;
}

const model = 'model=~"$model"';
const rate = (metric: string, by: string, labels = model) =>
  `sum by (${by}) (rate(${metric}{${labels}}[$__rate_interval]))`;
/** Mean microseconds a request spends in one of Triton's stages: its counters are sums over requests. */
const stage = (name: string) =>
  `${rate(`nv_inference_${name}_duration_us`, 'model')} / ${rate('nv_inference_request_success', 'model')}`;
const quantile = (q: number, metric: string, by = '', labels = model) =>
  `histogram_quantile(${q}, sum by (le${by && `, ${by}`}) (rate(${metric}_bucket{${labels}}[$__rate_interval])))`;
const stages = ['queue', 'compute_input', 'compute_infer', 'compute_output'];

/** What the dashboard shows. Names are those of Triton's /metrics and of the proxy's. */
export const panelRows: readonly PanelRow[] = [
  {
    title: 'Proxy',
    panels: [
      {
        title: 'Requests by status',
        unit: 'reqps',
        description: 'Answers of the proxy a second. 429 and 503 mean that more comes than can be served.',
        queries: [{ expr: rate('conch_proxy_requests_total', 'status'), legend: '{{status}}' }],
      },
      {
        title: 'Latency',
        unit: 's',
        description: "From a request's arrival to the end of its answer, over all replicas, from true histograms.",
        queries: [0.5, 0.95, 0.99].map((q) => ({
          expr: quantile(q, 'conch_proxy_request_duration_seconds'),
          legend: `p${q * 100}`,
        })),
      },
      {
        title: 'Where the time goes (p95)',
        unit: 's',
        description: 'Waiting in the proxy, tokenizing in the proxy, and the server.',
        queries: ['queue', 'tokenize', 'infer'].map((part) => ({
          expr: quantile(0.95, `conch_proxy_${part}_duration_seconds`),
          legend: part,
        })),
      },
      {
        title: 'Waiting and under way',
        unit: 'short',
        description: 'Requests inside the proxy.',
        queries: [
          { expr: 'sum(conch_proxy_requests_in_flight)', legend: 'under way' },
          { expr: 'sum(conch_proxy_requests_queued)', legend: 'waiting' },
        ],
      },
    ],
  },
  {
    title: 'Triton',
    panels: [
      {
        title: 'Inferences',
        unit: 'ops',
        description: 'Items a second; a request with a batch of 8 counts 8.',
        queries: [{ expr: rate('nv_inference_count', 'model'), legend: '{{model}}' }],
      },
      {
        title: 'Failed requests',
        unit: 'reqps',
        description: 'By model and reason.',
        queries: [{ expr: rate('nv_inference_request_failure', 'model, reason'), legend: '{{model}} {{reason}}' }],
      },
      {
        title: 'Time in the queue',
        unit: 'µs',
        description: 'Mean wait of a request for its batch and a free instance: what the autoscaler follows.',
        queries: [{ expr: stage('queue'), legend: '{{model}}' }],
      },
      {
        title: 'Stages of a request',
        unit: 'µs',
        description: 'Mean time of all models: queue, copying inputs, computing, copying outputs.',
        queries: stages.map((name) => ({
          expr: `sum(rate(nv_inference_${name}_duration_us{${model}}[$__rate_interval])) / sum(rate(nv_inference_request_success{${model}}[$__rate_interval]))`,
          legend: name,
        })),
      },
      {
        title: 'Batch size',
        unit: 'short',
        description: 'Mean number of items in an execution. 1 under load means that requests are not merged.',
        queries: [
          {
            expr: `${rate('nv_inference_count', 'model')} / ${rate('nv_inference_exec_count', 'model')}`,
            legend: '{{model}}',
          },
        ],
      },
      {
        title: 'Waiting requests',
        unit: 'short',
        description: 'In the queues of the models at this moment.',
        queries: [{ expr: `sum by (model) (nv_inference_pending_request_count{${model}})`, legend: '{{model}}' }],
      },
      {
        title: 'Response cache',
        unit: 'ops',
        description: 'Lookups that hit and missed, where models keep responses.',
        queries: ['hits', 'misses'].map((kind) => ({
          expr: `sum(rate(nv_cache_num_${kind}_per_model{${model}}[$__rate_interval]))`,
          legend: kind,
        })),
      },
    ],
  },
  {
    title: 'GPU',
    gpu: true,
    panels: [
      {
        title: 'Utilisation',
        unit: 'percentunit',
        description: 'Share of the time in which the GPU computed.',
        queries: [{ expr: 'nv_gpu_utilization', legend: '{{gpu_uuid}}' }],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        description: 'Used, and how much there is.',
        queries: [
          { expr: 'nv_gpu_memory_used_bytes', legend: 'used {{gpu_uuid}}' },
          { expr: 'nv_gpu_memory_total_bytes', legend: 'total {{gpu_uuid}}' },
        ],
      },
      {
        title: 'Power',
        unit: 'watt',
        description: 'Drawn at this moment.',
        queries: [{ expr: 'nv_gpu_power_usage', legend: '{{gpu_uuid}}' }],
      },
    ],
  },
  {
    title: 'Machine',
    panels: [
      {
        title: 'Processor',
        unit: 'percentunit',
        description: 'Load of the machine that Triton runs on.',
        queries: [{ expr: 'nv_cpu_utilization', legend: '{{instance}}' }],
      },
      {
        title: 'Memory',
        unit: 'bytes',
        description: 'Used, and how much there is.',
        queries: [
          { expr: 'nv_cpu_memory_used_bytes', legend: 'used {{instance}}' },
          { expr: 'nv_cpu_memory_total_bytes', legend: 'total {{instance}}' },
        ],
      },
    ],
  },
];
