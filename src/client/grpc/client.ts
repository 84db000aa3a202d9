import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import {
  decodeModelInferResponse,
  encodeModelInferRequest,
  grpcMethods,
  type InferenceMethods,
  type InferenceRequest,
  type InferenceResponse,
  type ModelIndexEntry,
  type ModelMetadata,
  type ModelStatistics,
  type ServerMetadata,
  statusFromGrpc,
} from '../../protocol/index.ts';
import type { InferenceClient } from '../inference-client.ts';
import { metadataFrom, statisticsFrom } from './messages.ts';
import type { GrpcReply, NodeChannel } from './node-channel.ts';

type Unary = Exclude<keyof InferenceMethods, 'ModelInfer' | 'ModelStreamInfer'>;

const service = '/inference.GRPCInferenceService/';
/** Statuses by which a server says no to "is it ready": not found, unavailable. */
const noes = [5, 14];

/** Triton's protocol over gRPC. */
export class GrpcClient implements InferenceClient {
  readonly url: string;
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

  async infer(request: InferenceRequest): Promise<InferenceResponse> {
    const parts = encodeModelInferRequest(request);
    const reply = await this.#channel.call(`${service}ModelInfer`, parts, request.signal);
    return decodeModelInferResponse(this.#message('ModelInfer', reply));
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
  ): Promise<InferenceMethods[Name]['response']> {
    return this.#decode(name, await this.#send(name, request, signal));
  }

  #send(name: Unary, request: object, signal: AbortSignal | undefined): Promise<GrpcReply> {
    return this.#channel.call(service + name, [grpcMethods.get(service + name)!.request.encode(request)], signal);
  }

  #decode<Name extends Unary>(name: Name, reply: GrpcReply): InferenceMethods[Name]['response'] {
    const message = this.#message(name, reply);
    return grpcMethods.get(service + name)!.response.decode(message, 'SERVER_ERROR') as never;
  }

  /** The server's error in its own words, with its status. */
  #message(name: string, { status, details, message }: GrpcReply): Uint8Array {
    if (status === 0 && message) return message;
    const words = status === 0 ? 'no message' : details;
    throw new ConchError(
      'SERVER_ERROR',
      `${this.url} answered status ${status} to ${name}${words ? `: ${words}` : ''}`,
      {
        status: status === 0 ? 'INTERNAL' : statusFromGrpc(status),
      },
    );
  }
}
