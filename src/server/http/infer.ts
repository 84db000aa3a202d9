import { dimsOf } from '../../config/index.ts';
import {
  acceptedCodings,
  type ContentCoding,
  chooseCoding,
  compress,
  decodeInferRequest,
  decompress,
  type EncodedBody,
  encodeInferResponse,
  type HttpInferenceRequest,
  type InferenceResponse,
  inferenceHeaderLength,
  joinBody,
  parseContentEncoding,
  parseHeaderLength,
  type RawSignature,
  type RequestTrace,
} from '../../protocol/index.ts';
import { datatypeFromConfig } from '../../tensor/index.ts';
import type { ServedEngine } from '../context.ts';
import { withClasses } from '../control/classification.ts';
import { headerLines } from '../http1/index.ts';
import { type HeldOutputs, holdOutputs } from '../shared-memory/index.ts';
import type { SampledTrace } from '../trace/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

const requestHeaderLength = inferenceHeaderLength.toLowerCase();
const jsonLines = headerLines(['Content-Type', 'application/json']);
const binaryLines = headerLines(['Content-Type', 'application/octet-stream']);

/**
 * POST /v2/models/M[/versions/V]/infer. What is here whole and runs here and now has its answer when this returns: a
 * promise for each step would cost a tiny model as much again.
 */
export function infer(exchange: Exchange, { model, version }: PathParameters): Promise<void> | undefined {
  const trace = exchange.context.tracer.sample(model);
  if (trace) return inferTraced(exchange, model, version, trace);
  const read = readRequest(exchange, model, version);
  if (read instanceof Promise) return read.then((request) => run(exchange, request));
  return run(exchange, read);
}

async function inferTraced(exchange: Exchange, model: string, version: string | undefined, trace: SampledTrace) {
  try {
    const stamp = (name: string) => trace.request.stamp(name, performance.now() * 1e6);
    stamp('HTTP_RECV_START');
    const request = await readRequest(exchange, model, version);
    stamp('HTTP_RECV_END');
    await run(exchange, { ...request, trace: trace.request });
  } finally {
    trace.end();
  }
}

/** Runs a request and replies. */
function run(exchange: Exchange, request: HttpInferenceRequest): Promise<void> | undefined {
  const { engine, sharedMemory } = exchange.context;
  const shared = holdOutputs(sharedMemory, request.outputEncodings);
  let response: InferenceResponse | Promise<InferenceResponse>;
  try {
    response = engine.answer(request);
  } catch (thrown) {
    shared?.release();
    throw thrown;
  }
  if (response instanceof Promise) {
    return response.then((answer) => respond(exchange, request, answer, shared)).finally(() => shared?.release());
  }
  try {
    return respond(exchange, request, response, shared);
  } finally {
    shared?.release();
  }
}

function respond(
  exchange: Exchange,
  request: HttpInferenceRequest,
  answer: InferenceResponse,
  shared: HeldOutputs | undefined,
): Promise<void> | undefined {
  const { trace } = request;
  const response = withClasses(exchange.context.engine, request, answer);
  shared?.write(response.outputs);
  trace?.stamp('INFER_RESPONSE_COMPLETE', performance.now() * 1e6);
  const body = encodeInferResponse(response, request.outputEncodings);
  const coding = chooseCoding(exchange.header('accept-encoding'));
  if (coding) return replyCompressed(exchange, body, coding, trace);
  trace?.stamp('HTTP_SEND_START', performance.now() * 1e6);
  reply(exchange, body);
  trace?.stamp('HTTP_SEND_END', performance.now() * 1e6);
  return undefined;
}

function readRequest(
  exchange: Exchange,
  model: string,
  version: string | undefined,
): HttpInferenceRequest | Promise<HttpInferenceRequest> {
  const { engine, limits } = exchange.context;
  // Triton looks the model up before it reads the body; an unknown model outranks whatever is wrong with the request.
  const refuse = (error: unknown): never => {
    engine.metadata(model, version);
    throw error;
  };
  try {
    const coding = requestCoding(exchange);
    const headerLength = parseHeaderLength(exchange.header(requestHeaderLength));
    const isBinary = headerLength !== undefined && headerLength > 0 && coding === undefined;
    const target = { model, version, headerLength };
    const body = exchange.readBody(isBinary ? limits.maxRequestBytes : limits.maxInputBytes);
    if (!coding && !(body instanceof Promise)) return decode(exchange, body, target);
    const unpacked = coding ? unpack(exchange, body, coding) : body;
    return (unpacked as Promise<Uint8Array>).then((bytes) => {
      try {
        return decode(exchange, bytes, target);
      } catch (error) {
        return refuse(error);
      }
    }, refuse);
  } catch (error) {
    return refuse(error);
  }
}

async function unpack(
  exchange: Exchange,
  body: Uint8Array | Promise<Uint8Array>,
  coding: ContentCoding,
): Promise<Uint8Array> {
  const unpacked = await decompress(await body, coding, exchange.context.limits.maxInputBytes);
  exchange.hold(unpacked.length);
  return unpacked;
}

interface Target {
  readonly model: string;
  readonly version: string | undefined;
  readonly headerLength: number | undefined;
}

function decode(exchange: Exchange, body: Uint8Array, { model, version, headerLength }: Target): HttpInferenceRequest {
  const { engine, limits, sharedMemory, httpForwarding } = exchange.context;
  const request = decodeInferRequest(
    body,
    headerLength,
    { model, version, signal: exchange.signal },
    {
      maxInputBytes: limits.maxInputBytes,
      rawSignature: () => rawSignature(engine, model, version),
      readShared: (part) => sharedMemory.read(part),
    },
  );
  return httpForwarding ? withHeaders(request, httpForwarding.parametersOf(exchange.headers())) : request;
}

/** The request with parameters from its headers; those of its body go before them. */
function withHeaders(request: HttpInferenceRequest, forwarded: Record<string, string>): HttpInferenceRequest {
  return { ...request, parameters: Object.assign(forwarded, request.parameters) };
}

function requestCoding(exchange: Exchange): ContentCoding | undefined {
  try {
    return parseContentEncoding(exchange.header('content-encoding'));
  } catch (error) {
    exchange.setHeader('Accept-Encoding', acceptedCodings);
    throw error;
  }
}

function rawSignature(engine: ServedEngine, model: string, version: string | undefined): RawSignature {
  const config = engine.config(model, version);
  const inputs = (config.input ?? []).map((input) => ({
    name: input.name ?? '',
    datatype: datatypeFromConfig(input.data_type as string)?.name ?? 'BYTES',
    dims: dimsOf(input),
  }));
  return { batching: (config.max_batch_size ?? 0) > 0, inputs };
}

function reply({ call }: Exchange, { json, jsonLength, binary }: EncodedBody): void {
  if (binary.length === 0) call.reply(200, jsonLines, json, jsonLength);
  else call.reply(200, `${binaryLines}${inferenceHeaderLength}: ${jsonLength}\r\n`, json, jsonLength, binary);
}

async function replyCompressed(
  exchange: Exchange,
  body: EncodedBody,
  coding: ContentCoding,
  trace: RequestTrace | undefined,
): Promise<void> {
  const bytes = await compress(joinBody(body), coding);
  trace?.stamp('HTTP_SEND_START', performance.now() * 1e6);
  const headers = ['Content-Encoding', coding, 'Content-Length', bytes.length];
  if (body.binary.length === 0) headers.push('Content-Type', 'application/json');
  else headers.push('Content-Type', 'application/octet-stream', inferenceHeaderLength, body.jsonLength);
  exchange.head(200, headers).end(bytes);
  trace?.stamp('HTTP_SEND_END', performance.now() * 1e6);
}
