import { Client, type ClientOptions, credentials, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { type GrpcMethod, grpcMethods, type MessageValue } from '../src/protocol/index.ts';

const bytes = (message: Uint8Array): Buffer => Buffer.from(message);

/** What a call came to. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly MessageValue[];
}

/** grpc-js, the client that knows nothing of ours, with our codecs behind it. */
export class GrpcClient {
  readonly raw: Client;

  constructor(port: number, options: ClientOptions = {}, channel = credentials.createInsecure()) {
    this.raw = new Client(`127.0.0.1:${port}`, channel, { 'grpc.max_receive_message_length': -1, ...options });
  }

  close(): void {
    this.raw.close();
  }

  /** A unary call of a method of Triton's service, or of any by its whole path. */
  call(name: string, request: object, options: { metadata?: Record<string, string>; deadline?: number } = {}) {
    return this.send(name, methodOf(name).request.encode(request), options);
  }

  /** The same with the bytes of the request. */
  send(
    name: string,
    request: Uint8Array,
    { metadata = {}, deadline }: { metadata?: Record<string, string>; deadline?: number } = {},
  ): Promise<Outcome> {
    const method = methodOf(name);
    return new Promise((resolve) => {
      this.raw.makeUnaryRequest(
        method.path,
        bytes,
        (message: Buffer) => message,
        request,
        metadataOf(metadata),
        deadline === undefined ? {} : { deadline: Date.now() + deadline },
        (error: ServiceError | null, message?: Buffer) => {
          if (error) resolve({ code: error.code, details: error.details, messages: [] });
          else resolve({ code: 0, details: '', messages: [method.response.decode(message!)] });
        },
      );
    });
  }

  /** A stream of inference: `write` requests, `half` close, then await the `outcome`. */
  stream(metadata: Record<string, string> = {}) {
    const method = methodOf('ModelStreamInfer');
    const call = this.raw.makeBidiStreamRequest(
      method.path,
      bytes,
      (message: Buffer) => message,
      metadataOf(metadata),
      {},
    );
    const messages: MessageValue[] = [];
    let arrived: () => void = () => {};
    call.on('data', (message: Buffer) => {
      messages.push(method.response.decode(message));
      arrived();
    });
    call.on('error', () => {});
    const outcome = new Promise<Outcome>((resolve) => {
      call.on('status', ({ code, details }: StatusObject) => resolve({ code, details, messages }));
    });
    return {
      call,
      outcome,
      messages,
      write: (request: object) => call.write(method.request.encode(request)),
      /** Resolves when so many messages are there. */
      until: (count: number) =>
        new Promise<void>((resolve) => {
          arrived = () => messages.length >= count && resolve();
          arrived();
        }),
      /** Half-closes and waits for the end. */
      end: () => {
        call.end();
        return outcome;
      },
    };
  }
}

export function methodOf(name: string): GrpcMethod {
  const path = name.startsWith('/') ? name : `/inference.GRPCInferenceService/${name}`;
  const method = grpcMethods.get(path);
  if (!method) throw new Error(`no method ${path}`);
  return method;
}

function metadataOf(entries: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}
