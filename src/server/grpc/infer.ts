import {
  encodeModelInferResponse,
  type GrpcInferenceRequest,
  type InferenceResponse,
  type RequestTrace,
  readModelInferRequest,
  toInferenceRequest,
  type WireRequest,
} from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';
import { withClasses } from '../control/classification.ts';
import { type HeldOutputs, holdOutputs } from '../shared-memory/index.ts';
import type { Call, Receiver } from './call.ts';
import { noRequest } from './plain.ts';

/** ModelInfer: one request, one response. */
export function modelInfer(call: Call): Receiver {
  let begun = false;
  return {
    message(bytes) {
      if (begun) return;
      begun = true;
      infer(call, bytes).catch((error) => call.fail(error));
    },
    halfClose() {
      if (!begun) call.fail(noRequest());
    },
  };
}

async function infer(call: Call, bytes: Uint8Array): Promise<void> {
  const { context } = call;
  const wire = readModelInferRequest(bytes);
  const trace = context.tracer.sample(wire.model);
  if (!trace) return answer(call, decodeRequest(call, wire));
  trace.request.stamp('GRPC_WAITREAD_START', performance.now() * 1e6);
  try {
    const request = decodeRequest(call, wire);
    trace.request.stamp('GRPC_WAITREAD_END', performance.now() * 1e6);
    await answer(call, { ...request, trace: trace.request }, trace.request);
  } finally {
    trace.end();
  }
}

async function answer(call: Call, request: GrpcInferenceRequest, trace?: RequestTrace): Promise<void> {
  const { context } = call;
  const held = holdPlaces(context, request);
  let response: InferenceResponse;
  try {
    response = withClasses(context.engine, request, await context.engine.answer(request));
    held?.write(response.outputs);
  } finally {
    held?.release();
  }
  trace?.stamp('INFER_RESPONSE_COMPLETE', performance.now() * 1e6);
  const message = encodeModelInferResponse(response, request.outputPlaces);
  trace?.stamp('GRPC_SEND_START', performance.now() * 1e6);
  call.reply(message);
  trace?.stamp('GRPC_SEND_END', performance.now() * 1e6);
}

/** Throws what is wrong with the request; an unknown model outranks the rest, as Triton looks it up first. */
export function decodeRequest(call: Call, wire: WireRequest): GrpcInferenceRequest {
  const { engine, sharedMemory, limits, grpcForwarding } = call.context;
  try {
    const request = toInferenceRequest(wire, {
      signal: call.signal,
      readShared: (part) => sharedMemory.read(part),
      maxTensorBytes: limits.maxRequestBytes,
    });
    if (!grpcForwarding) return request;
    const forwarded = grpcForwarding.parametersOf(call.stream.headers());
    return { ...request, parameters: Object.assign(forwarded, request.parameters) };
  } catch (error) {
    engine.metadata(wire.model, wire.version === '' ? undefined : wire.version);
    throw error;
  }
}

/** Takes hold of the shared memory that outputs go to, if any. */
export function holdPlaces(context: ServerContext, request: GrpcInferenceRequest): HeldOutputs | undefined {
  return request.outputPlaces && holdOutputs(context.sharedMemory, request.outputPlaces);
}
