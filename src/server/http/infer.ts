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
import { holdOutputs } from '../shared-memory/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

const requestHeaderLength = inferenceHeaderLength.toLowerCase();
/** Up to here JSON and tensors leave in one piece; copying is cheaper than a second write. */
const joinBelow = 64 * 1024;

/** POST /v2/models/M[/versions/V]/infer */
export async function infer(exchange: Exchange, { model, version }: PathParameters): Promise<void> {
  const trace = exchange.context.tracer.sample(model);
  if (!trace) return answer(exchange, model, version);
  try {
    await answer(exchange, model, version, trace.request);
  } finally {
    trace.end();
  }
}

async function answer(
  exchange: Exchange,
  model: string,
  version: string | undefined,
  trace?: RequestTrace,
): Promise<void> {
  const { engine } = exchange.context;
  trace?.stamp('HTTP_RECV_START', performance.now() * 1e6);
  const received = await readRequest(exchange, model, version);
  trace?.stamp('HTTP_RECV_END', performance.now() * 1e6);
  const request = trace ? { ...received, trace } : received;
  const shared = holdOutputs(exchange.context.sharedMemory, request.outputEncodings);
  let response: InferenceResponse;
  try {
    response = withClasses(engine, request, await engine.infer(request));
    shared?.write(response.outputs);
  } finally {
    shared?.release();
  }
  trace?.stamp('INFER_RESPONSE_COMPLETE', performance.now() * 1e6);
  const body = encodeInferResponse(response, request.outputEncodings);
  const coding = chooseCoding(exchange.header('accept-encoding'));
  const compressed = coding && (await compress(joinBody(body), coding));
  trace?.stamp('HTTP_SEND_START', performance.now() * 1e6);
  if (coding && compressed) replyCompressed(exchange, body, compressed, coding);
  else reply(exchange, body);
  trace?.stamp('HTTP_SEND_END', performance.now() * 1e6);
}

async function readRequest(
  exchange: Exchange,
  model: string,
  version: string | undefined,
): Promise<HttpInferenceRequest> {
  const { engine, limits, sharedMemory, httpForwarding } = exchange.context;
  try {
    const coding = requestCoding(exchange);
    const headerLength = parseHeaderLength(exchange.header(requestHeaderLength));
    const isBinary = headerLength !== undefined && headerLength > 0 && coding === undefined;
    let body = await exchange.readBody(isBinary ? limits.maxRequestBytes : limits.maxInputBytes);
    if (coding) {
      body = await decompress(body, coding, limits.maxInputBytes);
      exchange.hold(body.length);
    }
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
  } catch (error) {
    // Triton looks the model up before it reads the body; an unknown model outranks whatever is wrong with the request.
    engine.metadata(model, version);
    throw error;
  }
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

function reply(exchange: Exchange, body: EncodedBody): void {
  if (body.binary.length === 0) {
    exchange.head(200, ['Content-Type', 'application/json', 'Content-Length', body.byteLength]).end(body.json);
    return;
  }
  const response = exchange.head(200, [
    'Content-Type',
    'application/octet-stream',
    inferenceHeaderLength,
    body.jsonLength,
    'Content-Length',
    body.byteLength,
  ]);
  if (body.byteLength <= joinBelow) {
    response.end(joinBody(body));
    return;
  }
  response.write(body.json);
  for (const part of body.binary) response.write(part);
  response.end();
}

function replyCompressed(exchange: Exchange, body: EncodedBody, bytes: Uint8Array, coding: ContentCoding): void {
  const headers = ['Content-Encoding', coding, 'Content-Length', bytes.length];
  if (body.binary.length === 0) headers.push('Content-Type', 'application/json');
  else headers.push('Content-Type', 'application/octet-stream', inferenceHeaderLength, body.jsonLength);
  exchange.head(200, headers).end(bytes);
}
