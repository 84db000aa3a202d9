import { ConchError, toConchError } from '../../base/index.ts';
import {
  decodeGenerateRequest,
  encodeGenerateResponse,
  httpStatus,
  type InferenceRequest,
  type InferenceResponse,
  type ResponseEvent,
} from '../../protocol/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** POST /v2/models/M[/versions/V]/generate: plain JSON in, plain JSON out; exactly one response. */
export async function generate(exchange: Exchange, parameters: PathParameters): Promise<void> {
  await traced(exchange, parameters, (request) => generateOne(exchange, request));
}

async function generateOne(exchange: Exchange, request: InferenceRequest): Promise<void> {
  let count = 0;
  let answer: InferenceResponse | undefined;
  let failure: ConchError | undefined;
  await exchange.context.engine.stream(request, ({ response }) => {
    if (response === undefined) return;
    count += 1;
    if (response instanceof ConchError) failure ??= response;
    else answer ??= response;
  });
  if (failure) throw failure;
  if (!answer || count > 1) {
    throw new ConchError(
      'EXECUTION_FAILED',
      `model '${request.model}' gave ${count} responses, 'generate' carries exactly one`,
      { fix: "call 'generate_stream'" },
    );
  }
  exchange.replyText(200, 'application/json', encodeGenerateResponse(answer));
}

/**
 * POST /v2/models/M[/versions/V]/generate_stream: the same as server-sent events, one for each response. What is wrong
 * with the request itself is an ordinary error; a failing model speaks through the stream, whose first event decides the
 * HTTP status.
 */
export async function generateStream(exchange: Exchange, parameters: PathParameters): Promise<void> {
  await traced(exchange, parameters, (request) => generateMany(exchange, request));
}

async function generateMany(exchange: Exchange, request: InferenceRequest): Promise<void> {
  const { context, call } = exchange;
  const begin = (status: number): void => {
    if (!call.isStarted) exchange.head(status, ['Content-Type', 'text/event-stream; charset=utf-8']);
  };
  const send = (event: ResponseEvent): void => {
    if (event.response === undefined || exchange.isGone) return;
    const { status, text } = describe(exchange, event.response);
    begin(status);
    call.write(`data: ${text}\n\n`);
    // A client that does not read must not make us keep all that the model says.
    if (call.unreadBytes > context.limits.maxRequestBytes) call.breakOff();
  };
  await context.engine.stream(request, send);
  begin(200);
  call.end();
}

function describe(exchange: Exchange, answer: InferenceResponse | ConchError): { status: number; text: string } {
  try {
    if (!(answer instanceof ConchError)) return { status: 200, text: encodeGenerateResponse(answer) };
    return { status: httpStatus(answer.status), text: JSON.stringify({ error: exchange.publicMessage(answer) }) };
  } catch (thrown) {
    // Outputs that JSON cannot carry.
    const error = toConchError(thrown);
    return { status: httpStatus(error.status), text: JSON.stringify({ error: exchange.publicMessage(error) }) };
  }
}

/** Reads the request and answers it, with a trace where it is one to trace. */
async function traced(
  exchange: Exchange,
  parameters: PathParameters,
  answer: (request: InferenceRequest) => Promise<void>,
): Promise<void> {
  const trace = exchange.context.tracer.sample(parameters.model);
  trace?.request.stamp('HTTP_RECV_START', performance.now() * 1e6);
  try {
    const request = await readRequest(exchange, parameters);
    trace?.request.stamp('HTTP_RECV_END', performance.now() * 1e6);
    await answer(trace ? { ...request, trace: trace.request } : request);
    trace?.request.stamp('HTTP_SEND_END', performance.now() * 1e6);
  } finally {
    trace?.end();
  }
}

async function readRequest(exchange: Exchange, { model, version }: PathParameters): Promise<InferenceRequest> {
  const { engine, limits } = exchange.context;
  const { inputs } = engine.metadata(model, version);
  const encoding = exchange.header('content-encoding') ?? 'identity';
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
