import { ConchError } from '../../base/index.ts';
import type { Limit, Load, RequestOptions } from '../../measure/index.ts';
import type { Option } from '../command.ts';
import { positiveInteger, positiveNumber, serverAddress, wholeNumber } from '../values.ts';

type Options = Readonly<Record<string, unknown>>;

export const loadOptions: readonly Option[] = [
  {
    flags: '--concurrency <list>',
    summary: 'clients that each wait for their answer, one measurement each (default: 1,8,32)',
    parse: (text, flag) => listOf(text, flag, positiveInteger),
  },
  {
    flags: '--rate <list>',
    summary: 'requests a second that are sent whatever the answers; latency counts from the intended time',
    parse: (text, flag) => listOf(text, flag, positiveNumber),
  },
  {
    flags: '--arrivals <kind>',
    summary: 'with --rate: distances of requests',
    choices: ['poisson', 'constant'],
    default: 'poisson',
  },
  { flags: '--ramp <time>', summary: 'over which the load grows to its full height (default: 0)', parse: duration },
  { flags: '--warmup <time>', summary: 'at full load before anything counts', parse: duration, default: '1s' },
  { flags: '--duration <time>', summary: 'longest time measured, for each load', parse: duration, default: '30s' },
  {
    flags: '--stability <percent>',
    summary: 'end early when the metric is known to within this share, with 95 % confidence; 0: never',
    parse: percent,
    default: '5%',
  },
  {
    flags: '--metric <name>',
    summary: 'which metric must be steady (default: throughput; with --rate p95)',
    choices: ['throughput', 'p50', 'p90', 'p95', 'p99', 'p99.9'],
  },
];

export const requestOptions: readonly Option[] = [
  { flags: '--batch-size <n>', summary: 'rows in each request', parse: positiveInteger, default: 1 },
  { flags: '--texts <file>', summary: 'texts to send: one a line, or `text` of a .jsonl' },
  {
    flags: '--lengths <kind>',
    summary:
      'of made texts in words, of token inputs in tokens: fixed:N, uniform:MIN:MAX, normal:MEAN:DEVIATION, lognormal:MEDIAN:SIGMA (default: lognormal:32:0.45)',
  },
  {
    flags: '--shape <name:dims>',
    summary: 'dims of an input that varies, without the batch: x:3,224',
    many: true,
    parse: shape,
  },
  { flags: '--data <file>', summary: 'requests to send, one a line: {"inputs": {...}} or {"text": "..."}' },
  {
    flags: '--seed <n>',
    summary: 'of made inputs and arrivals',
    parse: (text, flag) => wholeNumber(text, flag, 0, 2 ** 31),
    default: 1,
  },
];

export const limitOptions: readonly Option[] = [
  ...['p50', 'p90', 'p95', 'p99'].map((name) => ({
    flags: `--${name} <time>`,
    summary: `exit code 1 where ${name} is above this, e.g. 50ms`,
    parse: duration,
  })),
  {
    flags: '--min-throughput <n>',
    summary: 'exit code 1 where fewer inferences a second are done',
    parse: positiveNumber,
  },
  { flags: '--max-failed <percent>', summary: 'exit code 1 where more of the requests fail', parse: percent },
];

export const clientOptions: readonly Option[] = [
  {
    flags: '--server <url>',
    summary: 'a running server (http, https, grpc, grpcs): Triton, conch serve, or any other of KServe v2',
    parse: serverAddress,
  },
  { flags: '--repository <dir>', summary: 'serve this repository in a process of its own (the default)' },
  {
    flags: '--protocol <name>',
    summary: 'of the embedded server',
    choices: ['http', 'grpc', 'in-process'],
    default: 'http',
  },
  {
    flags: '--tensors <kind>',
    summary: 'over HTTP (default: binary where the server takes it)',
    choices: ['binary', 'json'],
  },
  { flags: '--load-threads <n>', summary: 'threads that send', parse: positiveInteger, default: 1 },
  { flags: '--timeout <time>', summary: 'longest wait for an answer', parse: duration, default: '60s' },
  { flags: '--header <name:value>', summary: 'sent with every request', many: true, parse: header },
  {
    flags: '--pid <n>',
    summary: "with --server: the server's process, whose memory and processor time are read",
    parse: positiveInteger,
  },
  { flags: '--tokenizer <dir>', summary: "counts tokens of texts (default: the repository's)" },
];

/** What is to be measured: clients, or rates. */
export function loadsFrom(options: Options, fallback: readonly number[] = [1, 8, 32]): Load[] {
  const rates = options.rate as readonly number[] | undefined;
  const concurrency = (options.concurrency as readonly number[] | undefined) ?? (rates ? [] : fallback);
  return [
    ...concurrency.map((clients): Load => ({ kind: 'closed', concurrency: clients })),
    ...(rates ?? []).map(
      (rate): Load => ({
        kind: 'open',
        rate,
        arrivals: options.arrivals as 'poisson' | 'constant',
        seed: options.seed as number,
        maxInFlight: 10_000,
      }),
    ),
  ];
}

export async function requestsFrom(options: Options): Promise<RequestOptions> {
  const { parseLengths } = await import('../../measure/index.ts');
  const shapes = Object.fromEntries((options.shape as [string, number[]][] | undefined) ?? []);
  return {
    batchSize: options.batchSize as number,
    seed: options.seed as number,
    shapes,
    ...(typeof options.texts === 'string' && { texts: options.texts }),
    ...(typeof options.data === 'string' && { data: options.data }),
    ...(typeof options.lengths === 'string' && { lengths: parseLengths(options.lengths, '--lengths') }),
  };
}

export function limitsFrom(options: Options): Limit[] {
  const latencies = (['p50', 'p90', 'p95', 'p99'] as const).flatMap((metric): Limit[] =>
    options[metric] === undefined ? [] : [{ metric, value: millisecondsOf(options[metric]) }],
  );
  const { minThroughput, maxFailed } = options as { minThroughput?: number; maxFailed?: number };
  return [
    ...latencies,
    ...(minThroughput === undefined ? [] : [{ metric: 'throughput', value: minThroughput } as const]),
    ...(maxFailed === undefined ? [] : [{ metric: 'failed', value: maxFailed } as const]),
  ];
}

/** Options that time is given to, defaults in their written form included. */
export function millisecondsOf(value: unknown): number {
  return typeof value === 'string' ? duration(value, '') : (value as number);
}

export function shareOf(value: unknown): number {
  return typeof value === 'string' ? percent(value, '') : (value as number);
}

const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `50ms`, `2s`, `1.5m`; a bare number is of seconds, 0 needs no unit. Milliseconds. */
export function duration(text: string, flag: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)?$/.exec(text.trim()) ?? [];
  if (number !== undefined) return Number(number) * units[unit]!;
  throw new ConchError('USAGE', `${flag}: expected a time like 50ms, 10s or 2m, got '${text}'`);
}

function percent(text: string, flag: string): number {
  const [, number] = /^(\d+(?:\.\d+)?)%?$/.exec(text.trim()) ?? [];
  if (number !== undefined && Number(number) <= 100) return Number(number) / 100;
  throw new ConchError('USAGE', `${flag}: expected a percentage like 5%, got '${text}'`);
}

function listOf(text: string, flag: string, parse: (text: string, flag: string) => number): number[] {
  return text.split(',').map((part) => parse(part.trim(), flag));
}

export function instanceCounts(text: string, flag: string): number[] {
  return listOf(text, flag, positiveInteger);
}

function shape(text: string, flag: string): [string, number[]] {
  const [, name, dims] = /^(.+):(\d+(?:,\d+)*)$/.exec(text) ?? [];
  if (name !== undefined) return [name, dims!.split(',').map(Number)];
  throw new ConchError('USAGE', `${flag}: expected name:dims like x:3,224, got '${text}'`);
}

function header(text: string, flag: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([^\r\n]*)$/.exec(text) ?? [];
  if (name !== undefined) return [name, value!];
  throw new ConchError('USAGE', `${flag}: expected name:value, got '${text}'`);
}
