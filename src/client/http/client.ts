import { ConchError } from '../../base/index.ts';
import { configFromJson, type ModelConfig } from '../../config/index.ts';
import {
  decodeInferResponse,
  encodeInferRequest,
  type InferenceRequest,
  type InferenceResponse,
  inferenceHeaderLength,
  type ModelIndexEntry,
  type ModelMetadata,
  type ModelStatistics,
  type ServerMetadata,
  statusFromHttp,
  type TensorEncoding,
} from '../../protocol/index.ts';
import type { InferenceClient } from '../inference-client.ts';
import type { HttpCall, HttpReply, HttpTransport } from './transport.ts';

const replyHeaderLength = inferenceHeaderLength.toLowerCase();
const decoder = new TextDecoder();

/** Triton's v2 protocol over HTTP. */
export class HttpClient implements InferenceClient {
  readonly url: string;
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

  async infer(request: InferenceRequest): Promise<InferenceResponse> {
    const body = encodeInferRequest(request, { inputs: this.encoding, outputs: this.encoding });
    const binary = body.binary.length > 0;
    const call: HttpCall = {
      method: 'POST',
      path: `${modelPath(request.model, request.version)}/infer`,
      headers: binary
        ? { 'Content-Type': 'application/octet-stream', [inferenceHeaderLength]: String(body.jsonLength) }
        : { 'Content-Type': 'application/json' },
      body,
      signal: request.signal,
      // A request of a sequence changes the model's state; it must not run twice.
      repeatable: request.sequence === undefined,
    };
    const reply = await this.transport.send(call);
    if (reply.status !== 200) throw this.refusal(call, reply);
    const length = reply.header(replyHeaderLength);
    return decodeInferResponse(reply.body, length === undefined ? undefined : Number(length));
  }

  async close(): Promise<void> {
    this.transport.close();
  }

  /** 200 is yes; Triton says no with 400, 404 or 503. Anything else is not Triton's answer. */
  private async probe(path: string, signal: AbortSignal | undefined): Promise<boolean> {
    const call = get(path, signal);
    const reply = await this.transport.send(call);
    if (reply.status === 200) return true;
    if (reply.status === 400 || reply.status === 404 || reply.status === 503) return false;
    throw this.refusal(call, reply);
  }

  private async json<T>(call: HttpCall): Promise<T> {
    return this.parse(call, await this.text(call)) as T;
  }

  private async text(call: HttpCall): Promise<string> {
    const reply = await this.transport.send(call);
    if (reply.status !== 200) throw this.refusal(call, reply);
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
  private refusal(call: HttpCall, reply: HttpReply): ConchError {
    const words = errorOf(reply.body);
    return new ConchError(
      'SERVER_ERROR',
      `${this.url} answered ${reply.status} to ${call.method} ${call.path}${words ? `: ${words}` : ''}`,
      { status: statusFromHttp(reply.status) },
    );
  }
}

function get(path: string, signal: AbortSignal | undefined): HttpCall {
  return { method: 'GET', path, signal, repeatable: true };
}

function modelPath(name: string, version: string | undefined): string {
  const path = `/v2/models/${encodeURIComponent(name)}`;
  return version === undefined || version === '' ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

/** The text of `{"error": ...}`; of anything else its beginning. */
function errorOf(body: Uint8Array): string {
  const text = decoder.decode(body.subarray(0, 65_536));
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not Triton's form; its beginning has to do.
  }
  return text.slice(0, 200).trim();
}
