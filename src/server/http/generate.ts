import { ConchError, type ErrorCode, toConchError } from '../../base/index.ts';
import {
  decodeGenerateRequest,
  encodeGenerateResponse,
  httpStatus,
  type InferenceRequest,
} from '../../protocol/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** POST /v2/models/M[/versions/V]/generate: plain JSON in, plain JSON out. */
export async function generate(exchange: Exchange, parameters: PathParameters): Promise<void> {
  const request = await readRequest(exchange, parameters);
  const response = await exchange.context.engine.infer(request);
  exchange.replyText(200, 'application/json', encodeGenerateResponse(response));
}

/** What can go wrong once a model has taken a request on. */
const lateErrors = new Set<ErrorCode>(['EXECUTION_FAILED', 'QUEUE_TIMEOUT', 'REQUEST_CANCELLED', 'INTERNAL']);

/** POST /v2/models/M[/versions/V]/generate_stream: the same as server-sent events, one for each response. */
export async function generateStream(exchange: Exchange, parameters: PathParameters): Promise<void> {
  const request = await readRequest(exchange, parameters);
  let status = 200;
  let event: string;
  try {
    event = encodeGenerateResponse(await exchange.context.engine.infer(request));
  } catch (thrown) {
    const error = toConchError(thrown);
    // What is wrong with the request itself is an ordinary error; a failing model speaks through the stream.
    if (!lateErrors.has(error.code)) throw error;
    status = httpStatus(error.status);
    event = JSON.stringify({ error: exchange.publicMessage(error) });
  }
  if (exchange.response.destroyed) return;
  const response = exchange.head(status, ['Content-Type', 'text/event-stream; charset=utf-8']);
  response.end(`data: ${event}\n\n`);
}

async function readRequest(exchange: Exchange, { model, version }: PathParameters): Promise<InferenceRequest> {
  const { engine, limits } = exchange.context;
  const { inputs } = engine.metadata(model, version);
  const encoding = exchange.request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    throw new ConchError(
      'REQUEST_INVALID',
      `generate requests may not be compressed, got Content-Encoding '${encoding}'`,
    );
  }
  const body = await exchange.readBody(limits.maxInputBytes);
  const target = { model, version, signal: exchange.signal };
  return decodeGenerateRequest(body, target, inputs, limits.maxInputBytes);
}
