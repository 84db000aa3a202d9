import { ConchError } from '../../base/index.ts';
import { configFromJson, type ModelConfig } from '../../config/index.ts';
import {
  decodeGenerateResponse,
  decodeInferResponse,
  encodeGenerateRequest,
  encodeInferRequest,
  type IncomingResponse,
  inferenceHeaderLength,
  type ModelIndexEntry,
  type ModelMetadata,
  type ModelStatistics,
  placesOf,
  type ServerMetadata,
  statusFromHttp,
  type TensorEncoding,
} from '../../protocol/index.ts';
import { retryAfter } from '../failures.ts';
import { generateText, jsonBody } from '../generate-body.ts';
import {
  type GenerateBody,
  type GenerateOptions,
  type InferRequest,
  type LoadOptions,
  type LogSettings,
  loadTimeoutMs,
  type SharedMemoryStatus,
  type SystemSharedMemory,
  type TraceSettings,
  type TritonClient,
  type UnloadOptions,
} from '../triton-client.ts';
import { loadBody } from './control.ts';
import { eventData } from './events.ts';
import { jsonEnd } from './json-end.ts';
import type { HttpCall, HttpHead, HttpReply, HttpTransport } from './transport.ts';

const replyHeaderLength = inferenceHeaderLength.toLowerCase();
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Triton's v2 protocol over HTTP. */
export class HttpClient implements TritonClient {
  readonly url: string;
  readonly systemSharedMemory: SystemSharedMemory = {
    register: async (name, { key, byteSize, offset = 0 }, signal) => {
      const body = JSON.stringify({ key, offset, byte_size: byteSize });
      await this.text(post(`${regionPath(name)}/register`, body, { signal }));
    },
    unregister: async (name, signal) => {
      await this.text(post(`${regionPath(name)}/unregister`, '', { signal }));
    },
    status: (name, signal) => this.json<SharedMemoryStatus[]>(get(`${regionPath(name)}/status`, signal)),
  };
  private readonly transport: HttpTransport;
  private readonly encoding: TensorEncoding;

  constructor(transport: HttpTransport, encoding: TensorEncoding = 'binary') {
    this.transport = transport;
    this.url = transport.url;
    this.encoding = encoding;
  }

  isLive(signal?: AbortSignal): Promise<boolean> {
    return this.probe('/v2/health/live', signal);
  }

  isReady(signal?: AbortSignal): Promise<boolean> {
    return this.probe('/v2/health/ready', signal);
  }

  isModelReady(name: string, version?: string, signal?: AbortSignal): Promise<boolean> {
    return this.probe(`${modelPath(name, version)}/ready`, signal);
  }

  serverMetadata(signal?: AbortSignal): Promise<ServerMetadata> {
    return this.json<ServerMetadata>(get('/v2', signal));
  }

  modelMetadata(name: string, version?: string, signal?: AbortSignal): Promise<ModelMetadata> {
    return this.json<ModelMetadata>(get(modelPath(name, version), signal));
  }

  async modelConfig(name: string, version?: string, signal?: AbortSignal): Promise<ModelConfig> {
    const path = `${modelPath(name, version)}/config`;
    const call = get(path, signal);
    const text = await this.text(call);
    this.parse(call, text);
    // As text, since 64-bit integers lose digits in JSON.parse.
    return configFromJson(text, this.url + path);
  }

  async index(signal?: AbortSignal): Promise<ModelIndexEntry[]> {
    return this.json({ method: 'POST', path: '/v2/repository/index', signal, repeatable: true });
  }

  async statistics(name?: string, version?: string, signal?: AbortSignal): Promise<ModelStatistics[]> {
    const path = name === undefined ? '/v2/models/stats' : `${modelPath(name, version)}/stats`;
    const { model_stats } = await this.json<{ model_stats: ModelStatistics[] }>(get(path, signal));
    return model_stats;
  }

  async infer(request: InferRequest): Promise<IncomingResponse> {
    const body = encodeInferRequest(request, { inputs: this.encoding, outputs: this.encoding });
    const binary = body.binary.length > 0;
    const call: HttpCall = {
      method: 'POST',
      path: `${modelPath(request.model, request.version)}/infer`,
      headers: {
        'Content-Type': binary ? 'application/octet-stream' : 'application/json',
        ...(binary && { [inferenceHeaderLength]: String(body.jsonLength) }),
        ...request.headers,
      },
      body,
      signal: request.signal,
      timeoutMs: request.timeoutMs,
      // A request of a sequence changes the model's state; it must not run twice.
      repeatable: request.sequence === undefined && request.idempotent !== false,
    };
    const reply = await this.transport.send(call);
    if (reply.status !== 200) throw this.refusal(call, reply, reply.body);
    return decodeInferResponse(reply.body, jsonLengthOf(reply), placesOf(request));
  }

  async *stream(request: InferRequest): AsyncGenerator<IncomingResponse> {
    const { model, version, signal, timeoutMs, headers } = request;
    // Answers carry values without types; those are the metadata's.
    const { inputs, outputs } = await this.modelMetadata(model, version, signal);
    const json = encodeGenerateRequest(request, inputs);
    for await (const data of this.events(model, json, { version, signal, timeoutMs }, headers)) {
      yield decodeGenerateResponse(encoder.encode(data), outputs);
    }
  }

  async generate(model: string, body: GenerateBody, options: GenerateOptions = {}): Promise<GenerateBody> {
    const path = `${modelPath(model, options.version)}/generate`;
    return this.json<GenerateBody>(post(path, generateText(body), { ...options, repeatable: true, plain: true }));
  }

  async *generateStream(
    model: string,
    body: GenerateBody,
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerateBody> {
    for await (const data of this.events(model, generateText(body), options)) yield this.parsed(model, data);
  }

  async loadModel(name: string, options: LoadOptions = {}): Promise<void> {
    const path = `/v2/repository/models/${encodeURIComponent(name)}/load`;
    const { signal, timeoutMs = loadTimeoutMs } = options;
    await this.text(post(path, loadBody(options), { signal, timeoutMs }));
  }

  async unloadModel(name: string, options: UnloadOptions = {}): Promise<void> {
    const path = `/v2/repository/models/${encodeURIComponent(name)}/unload`;
    const body = JSON.stringify({ parameters: { unload_dependents: options.dependents ?? false } });
    await this.text(post(path, body, options));
  }

  traceSettings(model?: string, signal?: AbortSignal): Promise<TraceSettings> {
    return this.json(get(tracePath(model), signal));
  }

  updateTraceSettings(
    changes: Readonly<Record<string, string | readonly string[] | null>>,
    model?: string,
    signal?: AbortSignal,
  ): Promise<TraceSettings> {
    return this.json(post(tracePath(model), JSON.stringify(changes), { signal }));
  }

  logSettings(signal?: AbortSignal): Promise<LogSettings> {
    return this.json(get('/v2/logging', signal));
  }

  updateLogSettings(changes: Partial<LogSettings>, signal?: AbortSignal): Promise<LogSettings> {
    return this.json(post('/v2/logging', JSON.stringify(changes), { signal }));
  }

  async close(): Promise<void> {
    this.transport.close();
  }

  /** The data of the events of generate_stream, of which an error ends the iteration. */
  private async *events(
    model: string,
    json: string,
    options: GenerateOptions,
    headers?: Readonly<Record<string, string>>,
  ): AsyncGenerator<string> {
    const path = `${modelPath(model, options.version)}/generate_stream`;
    const call = post(path, json, { ...options, headers, plain: true });
    const stream = await this.transport.open(call);
    if (!stream.header('content-type')?.startsWith('text/event-stream')) {
      throw this.refusal(call, stream, await wholeOf(stream.chunks));
    }
    for await (const data of eventData(stream.chunks)) {
      // Nothing else begins so: answers are sorted, and have the model's name.
      if (data.startsWith('{"error":') && errorIn(data) !== undefined) {
        throw this.refusal(call, stream, encoder.encode(data));
      }
      yield data;
    }
  }

  /** 200 is yes; Triton says no with 400, 404 or 503. Anything else is not Triton's answer. */
  private async probe(path: string, signal: AbortSignal | undefined): Promise<boolean> {
    const call = get(path, signal);
    const reply = await this.transport.send(call);
    if (reply.status === 200) return true;
    if (reply.status === 400 || reply.status === 404 || reply.status === 503) return false;
    throw this.refusal(call, reply, reply.body);
  }

  private parsed(model: string, data: string): GenerateBody {
    try {
      return JSON.parse(data) as GenerateBody;
    } catch (cause) {
      throw new ConchError('SERVER_ERROR', `${this.url} sent an event of '${model}' that is not JSON`, { cause });
    }
  }

  private async json<T>(call: HttpCall): Promise<T> {
    return this.parse(call, await this.text(call)) as T;
  }

  private async text(call: HttpCall): Promise<string> {
    const reply = await this.transport.send(call);
    if (reply.status !== 200) throw this.refusal(call, reply, reply.body);
    return decoder.decode(reply.body);
  }

  private parse(call: HttpCall, text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = `${this.url} answered ${call.method} ${call.path} with something that is not JSON`;
      throw new ConchError('SERVER_ERROR', message, { cause, fix: 'check that a Triton server listens there' });
    }
  }

  /** The server's error in its own words, with its status. */
  private refusal(call: HttpCall, head: HttpHead, body: Uint8Array): ConchError {
    const words = errorOf(body);
    const again = retryAfter(head.header('retry-after'));
    // In a stream that has begun well only the words are left.
    const status = head.status === 200 ? 'UNKNOWN' : statusFromHttp(head.status);
    return new ConchError(
      'SERVER_ERROR',
      `${this.url} answered ${head.status} to ${call.method} ${call.path}${words ? `: ${words}` : ''}`,
      { status, ...(again !== undefined && { retryAfterMs: again }) },
    );
  }
}

/** Bytes of an answer's JSON; undefined where nothing follows it. */
function jsonLengthOf(reply: HttpReply): number | undefined {
  const length = reply.header(replyHeaderLength);
  if (length !== undefined) return Number(length);
  return reply.header('content-type')?.startsWith('application/octet-stream') ? jsonEnd(reply.body) : undefined;
}

function get(path: string, signal: AbortSignal | undefined): HttpCall {
  return { method: 'GET', path, signal, repeatable: true };
}

type PostOptions = Partial<Pick<HttpCall, 'signal' | 'timeoutMs' | 'repeatable' | 'plain' | 'headers'>>;

function post(path: string, json: string, options: PostOptions): HttpCall {
  const { signal, timeoutMs, repeatable = false, plain = false, headers } = options;
  return {
    method: 'POST',
    path,
    ...(json !== '' && { headers: { 'Content-Type': 'application/json', ...headers }, body: jsonBody(json) }),
    signal,
    timeoutMs,
    repeatable,
    plain,
  };
}

function regionPath(name: string | undefined): string {
  return `/v2/systemsharedmemory${name === undefined ? '' : `/region/${encodeURIComponent(name)}`}`;
}

function tracePath(model: string | undefined): string {
  return model === undefined ? '/v2/trace/setting' : `${modelPath(model, undefined)}/trace/setting`;
}

async function wholeOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks) parts.push(chunk as Uint8Array<ArrayBuffer>);
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function modelPath(name: string, version: string | undefined): string {
  const path = `/v2/models/${encodeURIComponent(name)}`;
  return version === undefined || version === '' ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

/** The text of `{"error": ...}`; of anything else its beginning. */
function errorOf(body: Uint8Array): string {
  const text = decoder.decode(body.subarray(0, 65_536));
  return errorIn(text) ?? text.slice(0, 200).trim();
}

function errorIn(json: string): string | undefined {
  try {
    const { error } = JSON.parse(json) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    // Not Triton's form.
    return undefined;
  }
}
