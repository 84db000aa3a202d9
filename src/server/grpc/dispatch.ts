import { ConchError } from '../../base/index.ts';
import { type ContentCoding, type GrpcMethod, grpcMethods } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';
import { takesWork, unavailable } from '../control/phase.ts';
import type { RestrictedAccess } from '../restricted.ts';
import { Call, type CallStream, grpcCodes, type Receiver } from './call.ts';
import { modelInfer } from './infer.ts';
import { answersAlways, categoryOf, handlerOf } from './methods.ts';
import { plainMethod } from './plain.ts';
import { reflection, reflectionPaths } from './reflection.ts';
import { modelStreamInfer } from './stream-infer.ts';

/** Triton's --grpc-infer-response-compression-level. */
export type CompressionLevel = 'none' | 'low' | 'medium' | 'high';

export interface DispatchOptions {
  readonly restricted: RestrictedAccess;
  readonly compressionLevel: CompressionLevel;
}

export interface Accepted {
  readonly call: Call;
  readonly receiver: Receiver;
}

const ignored: Receiver = { message() {} };

/** What serves a path. */
interface Route {
  readonly method: GrpcMethod | undefined;
  readonly open: (call: Call) => Receiver;
  readonly isInference: boolean;
}

const routes = new Map<string, Route>();
for (const method of grpcMethods.values()) {
  const handler = handlerOf(method);
  const isInference = handler === undefined;
  const open = handler
    ? (call: Call) => plainMethod(call, method, handler)
    : method.requestStream
      ? modelStreamInfer
      : modelInfer;
  routes.set(method.path, { method, open, isInference });
}
for (const path of reflectionPaths) routes.set(path, { method: undefined, open: reflection, isInference: false });

/** Begins to serve a call, or ends it with the reason why not. */
export function dispatch(stream: CallStream, context: ServerContext, options: DispatchOptions): Accepted {
  const call = new Call(stream, context);
  const route = routes.get(stream.path);
  if (!route) {
    const unknown = `unknown method '${stream.path.slice(0, 200)}'`;
    call.fail(new ConchError('NOT_SUPPORTED', unknown), grpcCodes.unimplemented);
    return { call, receiver: ignored };
  }
  const refusal = refuse(route, call, options.restricted);
  if (refusal) {
    call.fail(refusal);
    return { call, receiver: ignored };
  }
  if (route.isInference && options.compressionLevel !== 'none') {
    call.encoding = encodingFor(options.compressionLevel, stream.header('grpc-accept-encoding'));
  }
  return { call, receiver: route.open(call) };
}

function refuse({ method }: Route, { context, stream }: Call, restricted: RestrictedAccess): ConchError | undefined {
  if (!method) return undefined;
  const header = restricted.missing(categoryOf(method), (name) => stream.header(name));
  if (header) {
    return new ConchError('NOT_SUPPORTED', `this protocol is restricted, it expects the metadata '${header}'`, {
      status: 'UNAVAILABLE',
    });
  }
  return takesWork(context) || answersAlways(method) ? undefined : unavailable(context);
}

/** gRPC's choice for a level among what the client accepts: the lower the level, the earlier in gzip, deflate. */
function encodingFor(level: CompressionLevel, accepted: string | undefined): ContentCoding | undefined {
  const names = (accepted ?? '').split(',').map((name) => name.trim());
  const usable = (['gzip', 'deflate'] as const).filter((name) => names.includes(name));
  if (level === 'low') return usable[0];
  return level === 'medium' ? usable[Math.floor(usable.length / 2)] : usable.at(-1);
}
