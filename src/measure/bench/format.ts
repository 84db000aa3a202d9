import { formatBytes } from '../../base/index.ts';
import type { Estimate } from './intervals.ts';
import { describeLoad } from './load.ts';
import type { BenchReport, LoadPoint } from './report.ts';

/** Milliseconds with as many digits as they are worth. */
export function milliseconds(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  return value < 0.1
    ? value.toFixed(3)
    : value < 10
      ? value.toFixed(2)
      : value < 100
        ? value.toFixed(1)
        : value.toFixed(0);
}

export function rate(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

/** `12.3 ±0.4`: half of the 95 % interval behind the value. */
export function withInterval(estimate: Estimate, write: (value: number) => string): string {
  const { value, low, high } = estimate;
  if (low === undefined || high === undefined) return write(value);
  return `${write(value)} ±${write((high - low) / 2)}`;
}

/** One line for who watches. */
export function describePoint({ throughput, latency, failed }: LoadPoint): string {
  const p99 = latency ? `, p99 ${milliseconds(latency.p99.value)} ms` : '';
  return `${rate(throughput.value)} inferences/s${p99}${failed > 0 ? `, ${failed} failed` : ''}`;
}

/** A head and a row for each load: throughput and latencies in milliseconds. */
export function loadRows({ points, requests }: BenchReport): string[][] {
  const unit = requests.texts ? 'texts/s' : 'inferences/s';
  const tokens = points.some(({ tokensPerSecond }) => tokensPerSecond !== undefined);
  const failed = points.some((point) => point.failed > 0);
  const head = [
    'load',
    unit,
    ...(tokens ? ['tokens/s'] : []),
    'p50 ms',
    'p90',
    'p95',
    'p99',
    'p99.9',
    'max',
    ...(failed ? ['failed'] : []),
  ];
  const rows = points.map((point) => {
    const { latency } = point;
    const shown = (name: 'p50' | 'p90' | 'p95' | 'p99' | 'p99.9') =>
      latency ? withInterval(latency[name], milliseconds) : '';
    return [
      describeLoad(point.load),
      withInterval(point.throughput, rate),
      ...(tokens ? [point.tokensPerSecond === undefined ? '' : rate(point.tokensPerSecond)] : []),
      ...(['p50', 'p90', 'p95', 'p99', 'p99.9'] as const).map(shown),
      latency ? milliseconds(latency.max) : '',
      ...(failed ? [String(point.failed)] : []),
    ];
  });
  return [head, ...rows];
}

/** A head and a row for each load and model: where the server says that the time went. Undefined where it does not. */
export function serverRows({ points }: BenchReport): string[][] | undefined {
  const rows = points.flatMap(({ load, server }) =>
    server.map((share, index) => [
      index === 0 ? describeLoad(load) : '',
      share.model,
      ...[share.queue, share.computeInput, share.computeInfer, share.computeOutput, share.total].map(milliseconds),
      share.executions > 0 ? share.batch.toFixed(1) : '',
    ]),
  );
  if (rows.length === 0) return undefined;
  return [['load', 'model', 'queue ms', 'input', 'infer', 'output', 'request', 'batch'], ...rows];
}

/** A head and a row for each load: what the server used. Undefined where nothing of it is known. */
export function resourceRows({ points }: BenchReport): string[][] | undefined {
  const known = points.filter(({ resources }) => resources.cpus !== undefined || resources.gpus !== undefined);
  if (known.length === 0) return undefined;
  const gpus = known[0]!.resources.gpus ?? [];
  const head = [
    'load',
    'server CPUs',
    'memory (PSS)',
    'peak',
    ...gpus.map(({ index }) => `GPU ${index}`),
    'client CPUs',
  ];
  const bytes = (value: number | undefined) => (value === undefined ? '' : formatBytes(value));
  const rows = known.map(({ load, resources, client }) => [
    describeLoad(load),
    resources.cpus?.toFixed(2) ?? '',
    bytes(resources.pssBytes),
    bytes(resources.peakPssBytes),
    ...gpus.map(({ index }) => {
      const gpu = resources.gpus?.find((one) => one.index === index);
      return gpu ? `${bytes(gpu.peakBytes)} of ${bytes(gpu.totalBytes)}` : '';
    }),
    client.cpus.toFixed(2),
  ]);
  return [head, ...rows];
}

/** Failures, warnings and limits, each in a line. */
export function remarks({ points, limits }: BenchReport): string[] {
  return [
    ...points.flatMap(({ load, failures, warnings, stable, seconds }) => [
      ...failures.map(
        ({ code, count, message }) => `${describeLoad(load)}: ${count} x ${code}${message ? `: ${message}` : ''}`,
      ),
      ...warnings.map((warning) => `${describeLoad(load)}: ${warning}`),
      ...(stable
        ? []
        : [`${describeLoad(load)}: not yet steady after ${seconds.toFixed(1)} s (--duration, --stability)`]),
    ]),
    ...limits.map(({ load, metric, limit, value, met }) => {
      const write = metric === 'throughput' ? rate : metric === 'failed' ? percent : milliseconds;
      const unit = metric === 'throughput' ? '/s' : metric === 'failed' ? '' : ' ms';
      const how = metric === 'throughput' ? 'at least' : 'at most';
      return `${met ? 'met' : 'MISSED'}  ${load}: ${metric} ${write(value)}${unit}, ${how} ${write(limit)}${unit}`;
    }),
  ];
}

function percent(value: number): string {
  return `${(100 * value).toFixed(2)} %`;
}

/** How it was measured, in sentences. */
export function conditions({ server, protocol, tensors, requests, settings, machine }: BenchReport): string[] {
  const rows = requests.rows === 1 ? 'one row a request' : `${Number(requests.rows.toFixed(1))} rows a request`;
  const how = protocol === 'http' ? `HTTP, ${tensors} tensors` : protocol === 'grpc' ? 'gRPC' : 'in this process';
  return [
    `${server.name} ${server.version} at ${server.url}; ${how}; ${requests.distinct} distinct requests: ${requests.description}; ${rows}`,
    `warm-up ${settings.warmupMs / 1000} s, at most ${settings.durationMs / 1000} s measured, until ±${(100 * settings.stability).toFixed(0)} %; ± is half of the 95 % interval`,
    `${machine.processor}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}; load average ${machine.load.toFixed(1)} at the end`,
  ];
}
