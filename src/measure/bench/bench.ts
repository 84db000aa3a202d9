import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { ConchError, type Progress, type ProgressTask, silentProgress, track } from '../../base/index.ts';
import { connect, type InferenceClient } from '../../client/index.ts';
import type { InferenceRequest, InferenceResponse, ServerMetadata } from '../../protocol/index.ts';
import { describeSubject, type Subject } from '../validate/subject.ts';
import { grpcHeaders, grpcMessage, httpMessage } from './encode.ts';
import { describePoint } from './format.ts';
import { type Limit, testLimits } from './limits.ts';
import { LiveChart } from './live-chart.ts';
import { describeLoad, type Load } from './load.ts';
import { measureLoad, type Target } from './measure-load.ts';
import type { BenchReport, LoadPoint, Metric } from './report.ts';
import { prepareRequests, type RequestOptions, type RequestSet } from './request-set.ts';
import { modelsInside } from './server-statistics.ts';

export interface BenchOptions {
  readonly model: string;
  readonly version?: string;
  /** `http://`, `https://`, `grpc://` or `grpcs://`: requests go there, and what is asked about the model. */
  readonly url: string;
  /** An engine in this process that gets the requests instead; `url` then only answers about the model. */
  readonly infer?: (request: InferenceRequest) => Promise<InferenceResponse>;
  readonly loads: readonly Load[];
  readonly requests?: RequestOptions;
  /** Milliseconds; default 0, 1000 and 30,000. */
  readonly rampMs?: number;
  readonly warmupMs?: number;
  readonly durationMs?: number;
  /** A measurement ends early when its metric is known to within this share, with 95 % confidence; default 0.05. */
  readonly stability?: number;
  readonly metric?: Metric;
  readonly loadThreads?: number;
  /** Longest wait for an answer; default 60,000. */
  readonly timeoutMs?: number;
  readonly connections?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** How tensors travel over HTTP; absent: binary where the server says that it takes that. */
  readonly tensors?: 'binary' | 'json';
  /** The server's process, whose tree is watched. */
  readonly pid?: number | undefined;
  readonly limits?: readonly Limit[];
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Measures a served model under one load after another. Throws MODEL_NOT_FOUND, SERVER_UNREACHABLE, USAGE, and what the
 * first request fails with: a model that answers no request is not measured.
 */
export async function bench(options: BenchOptions): Promise<BenchReport> {
  const { model, signal, progress = silentProgress, loads } = options;
  const startedAt = new Date().toISOString();
  const { headers = {}, timeoutMs = 60_000, tensors: encoding } = options;
  const client = connect(options.url, { headers, timeoutMs, ...(encoding && { tensors: encoding }) });
  try {
    const about = await serverMetadata(client, signal);
    const prepared = await prepare(client, options, about);
    const { subject, set, tensors } = prepared;
    const settings = settingsOf(options);
    const models = await modelsInside(client, model, subject.config, signal);
    const points: LoadPoint[] = [];
    for (const load of loads) {
      const chart = new LiveChart();
      const measure = (task: ProgressTask) =>
        measureLoad({
          ...{
            ...settings,
            target: prepared.target,
            load,
            rows: set.rows,
            tokens: set.tokens,
            timeoutMs,
            client,
            models,
          },
          ...{ metric: options.metric, pid: options.pid, gpu: true, signal },
          onMoment: (moment) => task.update(moment.fraction, chart.add(moment)),
        });
      points.push(await track(progress, `${model}, ${describeLoad(load)}`, measure, describePoint));
    }
    const limits = testLimits(points, options.limits ?? []);
    const { metric = 'default' } = options;
    return {
      model,
      version: subject.version,
      server: { url: client.url, name: about?.name ?? 'unknown', version: about?.version ?? 'unknown' },
      protocol: options.infer ? 'in-process' : options.url.startsWith('grpc') ? 'grpc' : 'http',
      tensors,
      requests: {
        description: set.description,
        rows: set.rows,
        distinct: set.inputs.length,
        texts: set.texts,
      },
      settings: { ...settings, metric },
      machine: {
        processor: cpus()[0]?.model.trim() || 'unknown',
        cores: availableParallelism(),
        memoryBytes: totalmem(),
        load: loadavg()[0]!,
      },
      points,
      limits,
      passed: limits.every(({ met }) => met) && points.some(({ answered }) => answered > 0),
      startedAt,
    };
  } finally {
    await client.close();
  }
}

function settingsOf(options: BenchOptions) {
  const { rampMs = 0, warmupMs = 1000, durationMs = 30_000, stability = 0.05, loadThreads = 1 } = options;
  if (options.loads.length === 0) throw new ConchError('USAGE', 'no load: give --concurrency or --rate');
  return { rampMs, warmupMs, durationMs, stability, loadThreads };
}

/** KServe's protocol has it, yet not every server; nothing depends on it. */
async function serverMetadata(client: InferenceClient, signal?: AbortSignal): Promise<ServerMetadata | undefined> {
  try {
    return await client.serverMetadata(signal);
  } catch (error) {
    if (error instanceof ConchError && error.code === 'SERVER_ERROR') return undefined;
    throw error;
  }
}

interface Prepared {
  readonly subject: Subject;
  readonly set: RequestSet;
  readonly tensors: 'binary' | 'json';
  readonly target: Target;
}

/** The requests, encoded, of which the first has been answered. */
async function prepare(
  client: InferenceClient,
  options: BenchOptions,
  about: ServerMetadata | undefined,
): Promise<Prepared> {
  const { model, version, headers = {}, signal } = options;
  const subject = await describeSubject(client, model, version, signal);
  const set = await prepareRequests(subject, options.requests ?? {});
  const grpc = options.url.startsWith('grpc');
  const knowsBinary = about?.extensions?.includes('binary_tensor_data') ?? false;
  const tensors = grpc || options.infer ? 'binary' : (options.tensors ?? (knowsBinary ? 'binary' : 'json'));
  const requests = set.inputs.map((inputs): InferenceRequest => ({ model, ...(version && { version }), inputs }));
  if (options.infer) {
    await options.infer(requests[0]!);
    return { subject, set, tensors, target: { kind: 'in-process', requests, infer: options.infer } };
  }
  const first = connect(options.url, { headers, timeoutMs: options.timeoutMs ?? 60_000, tensors });
  try {
    await first.infer({ ...requests[0]!, signal });
  } finally {
    await first.close();
  }
  const messages = requests.map((request) =>
    grpc ? grpcMessage(request) : httpMessage(request, { url: options.url, tensors, headers: authorised(options) }),
  );
  return {
    subject,
    set,
    tensors,
    target: {
      kind: 'network',
      protocol: grpc ? 'grpc' : 'http',
      url: options.url,
      messages,
      headers: grpc ? grpcHeaders(headers) : {},
      connections: options.connections ?? (grpc ? 8 : 1024),
      threads: options.loadThreads ?? 1,
    },
  };
}

/** A user name and password in the address become a header, as the client has it. */
function authorised({ url, headers = {} }: BenchOptions): Record<string, string> {
  const { username, password } = new URL(url);
  if (!username && !password) return { ...headers };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { Authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`, ...headers };
}
