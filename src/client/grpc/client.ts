import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import {
  decodeGenerateRequest,
  decodeModelInferResponse,
  decodeStreamResponse,
  encodeGenerateResponse,
  encodeModelInferRequest,
  grpcMethods,
  type IncomingResponse,
  type InferenceMethods,
  type ModelIndexEntry,
  type ModelMetadata,
  type ModelStatistics,
  type OutgoingRequest,
  placesOf,
  type ServerMetadata,
  statusFromGrpc,
} from '../../protocol/index.ts';
import { maxReplyBytes } from '../failures.ts';
import { generateText, onlyOne } from '../generate-body.ts';
import {
  type GenerateBody,
  type GenerateOptions,
  type InferRequest,
  type LoadOptions,
  type LogSettings,
  loadTimeoutMs,
  type SystemSharedMemory,
  type TraceSettings,
  type TritonClient,
  type UnloadOptions,
} from '../triton-client.ts';
import type { GrpcCall, GrpcReply, GrpcStatus } from './channel.ts';
import { loadRequest, logFrom, logRequest, regionsFrom, traceFrom, traceRequest } from './control.ts';
import { metadataFrom, statisticsFrom } from './messages.ts';
import type { NodeChannel } from './node-channel.ts';

type Unary = Exclude<keyof InferenceMethods, 'ModelInfer' | 'ModelStreamInfer'>;

const service = '/inference.GRPCInferenceService/';
/** Statuses by which a server says no to "is it ready": not found, unavailable. */
const noes = [5, 14];
const deadlineExceeded = 4;
const encoder = new TextEncoder();

/** Triton's protocol over gRPC. */
export class GrpcClient implements TritonClient {
  readonly url: string;
  readonly systemSharedMemory: SystemSharedMemory = {
    register: async (name, { key, byteSize, offset = 0 }, signal) => {
      await this.#call('SystemSharedMemoryRegister', { name, key, offset, byte_size: byteSize }, signal);
    },
    unregister: async (name = '', signal) => {
      await this.#call('SystemSharedMemoryUnregister', { name }, signal);
    },
    status: async (name = '', signal) => regionsFrom(await this.#call('SystemSharedMemoryStatus', { name }, signal)),
  };
  readonly #channel: NodeChannel;

  constructor(channel: NodeChannel) {
    this.url = channel.url;
    this.#channel = channel;
  }

  async isLive(signal?: AbortSignal): Promise<boolean> {
    return (await this.#probe('ServerLive', {}, signal))?.live ?? false;
  }

  async isReady(signal?: AbortSignal): Promise<boolean> {
    return (await this.#probe('ServerReady', {}, signal))?.ready ?? false;
  }

  async isModelReady(name: string, version = '', signal?: AbortSignal): Promise<boolean> {
    return (await this.#probe('ModelReady', { name, version }, signal))?.ready ?? false;
  }

  async serverMetadata(signal?: AbortSignal): Promise<ServerMetadata> {
    const { name = '', version = '', extensions = [] } = await this.#call('ServerMetadata', {}, signal);
    return { name, version, extensions };
  }

  async modelMetadata(name: string, version = '', signal?: AbortSignal): Promise<ModelMetadata> {
    return metadataFrom(await this.#call('ModelMetadata', { name, version }, signal));
  }

  async modelConfig(name: string, version = '', signal?: AbortSignal): Promise<ModelConfig> {
    return (await this.#call('ModelConfig', { name, version }, signal)).config ?? {};
  }

  async index(signal?: AbortSignal): Promise<ModelIndexEntry[]> {
    const { models = [] } = await this.#call('RepositoryIndex', {}, signal);
    return models.map((row) => ({ name: '', ...row }) as ModelIndexEntry);
  }

  async statistics(name = '', version = '', signal?: AbortSignal): Promise<ModelStatistics[]> {
    const { model_stats = [] } = await this.#call('ModelStatistics', { name, version }, signal);
    return model_stats.map(statisticsFrom);
  }

  async infer(request: InferRequest): Promise<IncomingResponse> {
    const parts = encodeModelInferRequest(request);
    const reply = await this.#channel.call(inferCall('ModelInfer', parts, request));
    return decodeModelInferResponse(this.#message('ModelInfer', reply), placesOf(request));
  }

  async *stream(request: InferRequest): AsyncGenerator<IncomingResponse> {
    const call = inferCall('ModelStreamInfer', encodeModelInferRequest(request), request);
    // Errors of the model end the stream with their status then, instead of being words in a message.
    const headers = { ...call.headers, triton_grpc_error: 'true' };
    const messages = this.#channel.stream({ ...call, headers });
    const places = placesOf(request);
    try {
      for (;;) {
        const next = await messages.next();
        if (next.done) {
          if (next.value.status !== 0) throw this.#refusal('ModelStreamInfer', next.value);
          return;
        }
        const { error, response } = decodeStreamResponse(next.value, places);
        if (error !== '')
          throw this.#refusal('ModelStreamInfer', { status: 2, details: error, retryAfterMs: undefined });
        if (response) yield response;
      }
    } finally {
      await messages.return({ status: 0, details: '', retryAfterMs: undefined });
    }
  }

  generate(model: string, body: GenerateBody, options: GenerateOptions = {}): Promise<GenerateBody> {
    return onlyOne(model, this.generateStream(model, body, options));
  }

  /** gRPC has no such call: the request is read as a server does, by the model's metadata. */
  async *generateStream(
    model: string,
    body: GenerateBody,
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerateBody> {
    const { version, signal, timeoutMs } = options;
    const bytes = encoder.encode(generateText(body));
    const { inputs } = await this.modelMetadata(model, version, signal);
    const request: OutgoingRequest = decodeGenerateRequest(bytes, { model, version, signal }, inputs, maxReplyBytes);
    for await (const response of this.stream({ ...request, timeoutMs })) {
      const { triton_final_response: _, ...parameters } = response.parameters ?? {};
      if (response.outputs.length === 0) continue;
      yield JSON.parse(encodeGenerateResponse({ ...response, parameters })) as GenerateBody;
    }
  }

  async loadModel(name: string, options: LoadOptions = {}): Promise<void> {
    const { signal, timeoutMs = loadTimeoutMs } = options;
    await this.#call('RepositoryModelLoad', loadRequest(name, options), signal, timeoutMs);
  }

  async unloadModel(name: string, { dependents = false, signal, timeoutMs }: UnloadOptions = {}): Promise<void> {
    const parameters = { unload_dependents: { bool_param: dependents } };
    await this.#call('RepositoryModelUnload', { model_name: name, parameters }, signal, timeoutMs);
  }

  async traceSettings(model?: string, signal?: AbortSignal): Promise<TraceSettings> {
    return traceFrom(await this.#call('TraceSetting', { model_name: model ?? '' }, signal));
  }

  async updateTraceSettings(
    changes: Readonly<Record<string, string | readonly string[] | null>>,
    model?: string,
    signal?: AbortSignal,
  ): Promise<TraceSettings> {
    return traceFrom(await this.#call('TraceSetting', traceRequest(changes, model), signal));
  }

  async logSettings(signal?: AbortSignal): Promise<LogSettings> {
    return logFrom(await this.#call('LogSettings', {}, signal));
  }

  async updateLogSettings(changes: Partial<LogSettings>, signal?: AbortSignal): Promise<LogSettings> {
    return logFrom(await this.#call('LogSettings', logRequest(changes), signal));
  }

  async close(): Promise<void> {
    this.#channel.close();
  }

  async #probe<Name extends Unary>(
    name: Name,
    request: InferenceMethods[Name]['request'],
    signal: AbortSignal | undefined,
  ): Promise<InferenceMethods[Name]['response'] | undefined> {
    const reply = await this.#send(name, request, signal);
    return noes.includes(reply.status) ? undefined : this.#decode(name, reply);
  }

  async #call<Name extends Unary>(
    name: Name,
    request: InferenceMethods[Name]['request'],
    signal: AbortSignal | undefined,
    timeoutMs?: number,
  ): Promise<InferenceMethods[Name]['response']> {
    return this.#decode(name, await this.#send(name, request, signal, timeoutMs));
  }

  #send(name: Unary, request: object, signal: AbortSignal | undefined, timeoutMs?: number): Promise<GrpcReply> {
    const path = service + name;
    return this.#channel.call({ path, parts: [grpcMethods.get(path)!.request.encode(request)], signal, timeoutMs });
  }

  #decode<Name extends Unary>(name: Name, reply: GrpcReply): InferenceMethods[Name]['response'] {
    const message = this.#message(name, reply);
    return grpcMethods.get(service + name)!.response.decode(message, 'SERVER_ERROR') as never;
  }

  #message(name: string, reply: GrpcReply): Uint8Array {
    if (reply.status === 0 && reply.message) return reply.message;
    throw this.#refusal(name, reply);
  }

  /** The server's error in its own words, with its status. */
  #refusal(name: string, { status, details, retryAfterMs }: GrpcStatus): ConchError {
    const words = status === 0 ? 'no message' : details;
    return new ConchError(
      status === deadlineExceeded ? 'DEADLINE_EXCEEDED' : 'SERVER_ERROR',
      `${this.url} answered status ${status} to ${name}${words ? `: ${words}` : ''}`,
      {
        status: status === 0 ? 'INTERNAL' : statusFromGrpc(status),
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      },
    );
  }
}

function inferCall(method: string, parts: readonly Uint8Array[], request: InferRequest): GrpcCall {
  const { signal, timeoutMs, headers } = request;
  return { path: service + method, parts, signal, timeoutMs, headers };
}
