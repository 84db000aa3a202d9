import { configEnums, configMessages } from '../../config/index.ts';
import type * as types from '../schema/generated.ts';
import * as health from '../schema/health.ts';
import type { MethodSpec } from '../schema/spec.ts';
import * as inference from '../schema/table.ts';
import { Codecs, type MessageCodec } from './message-codec.ts';

const inferenceCodecs = new Codecs([inference, { messages: configMessages, enums: configEnums }]);
const healthCodecs = new Codecs([health]);

/** A method of a service: its path, and the codecs of its messages. */
export interface GrpcMethod {
  readonly service: string;
  readonly name: string;
  /** `/package.Service/Method`, as requests name it. */
  readonly path: string;
  readonly request: MessageCodec;
  readonly response: MessageCodec;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

export type InferenceMethods = types.GRPCInferenceService;

/** Methods of `inference.GRPCInferenceService` and `grpc.health.v1.Health`, by path. */
export const grpcMethods: ReadonlyMap<string, GrpcMethod> = new Map(
  [
    ...methodsOf('inference.GRPCInferenceService', inference.services.GRPCInferenceService!, inferenceCodecs),
    ...methodsOf('grpc.health.v1.Health', health.services.Health!, healthCodecs),
  ].map((method) => [method.path, method]),
);

function methodsOf(service: string, methods: readonly MethodSpec[], codecs: Codecs): GrpcMethod[] {
  return methods.map(({ name, request, response, requestStream, responseStream }) => ({
    service,
    name,
    path: `/${service}/${name}`,
    request: codecs.of(request),
    response: codecs.of(response),
    requestStream: requestStream === true,
    responseStream: responseStream === true,
  }));
}

/** The codec of any message of Triton's interface, the model configuration's included. */
export function messageCodec(name: string): MessageCodec {
  return inferenceCodecs.of(name);
}
