import type { FastifyError } from 'fastify';
import { ConchError, type ErrorCode, toConchError } from '../base/index.ts';
import { httpStatus } from '../protocol/index.ts';

/** The body of every answer that is not a success. */
export interface ErrorBody {
  readonly error: string;
  readonly code: ErrorCode;
  /** The field of the request that is wrong, e.g. `x[3]`. */
  readonly field?: string;
  readonly fix?: string;
  readonly requestId: string;
}

export interface HttpFailure {
  readonly status: number;
  readonly body: ErrorBody;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;
}

/**
 * Where the proxy's own HTTP interface says more than Triton's does: overload, deadlines, and a server that
 * failed (502) as against a proxy that did (500). All other codes go by `protocol`'s table.
 */
const statusByCode: Partial<Record<ErrorCode, number>> = {
  REQUEST_MALFORMED: 400,
  KEY_REQUIRED: 401,
  KEY_FORBIDDEN: 403,
  RATE_LIMITED: 429,
  QUEUE_FULL: 429,
  DEADLINE_EXCEEDED: 504,
  REQUEST_CANCELLED: 499,
  EXECUTION_FAILED: 502,
  // The operator's mistake, not the client's.
  USAGE: 500,
};

/** Fastify's errors that a client can cause, in the proxy's words. */
const fastifyErrors: Record<string, { status: number; code: ErrorCode; text: string; fix?: string }> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: 'REQUEST_INVALID',
    text: 'the body must be JSON',
    fix: 'send the header content-type: application/json',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, code: 'REQUEST_MALFORMED', text: 'the body is empty; expected JSON' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: 'REQUEST_MALFORMED',
    text: 'the body is not as long as its content-length header says',
  },
  FST_ERR_BAD_URL: { status: 400, code: 'REQUEST_INVALID', text: 'the path is not a valid URL path' },
  FST_ERR_MAX_PARAM_LENGTH: { status: 414, code: 'REQUEST_INVALID', text: 'the path is too long' },
  FST_UNDER_PRESSURE: { status: 503, code: 'QUEUE_FULL', text: 'the proxy is overloaded' },
};

/** What to answer to a failure. What was not raised on purpose tells nothing about itself. */
export function failureOf(thrown: unknown, requestId: string, limits: { readonly bodyBytes: number }): HttpFailure {
  const known = fromFastify(thrown, limits);
  if (known) return { ...known, body: { ...known.body, requestId } };
  const error = publicError(toConchError(thrown));
  const status = statusOf(error);
  const retry = status === 429 || status === 503;
  return {
    status,
    ...(retry && { retryAfter: 1 }),
    body: {
      error: error.message,
      code: error.code,
      ...(error.where?.path !== undefined && { field: error.where.path }),
      ...(error.fix !== undefined && { fix: error.fix }),
      requestId,
    },
  };
}

function fromFastify(thrown: unknown, limits: { readonly bodyBytes: number }): HttpFailure | undefined {
  const code = (thrown as FastifyError | undefined)?.code;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const error = `the body is larger than ${limits.bodyBytes} bytes`;
    return { status: 413, body: { error, code: 'REQUEST_TOO_LARGE', requestId: '' } };
  }
  const row = code === undefined ? undefined : fastifyErrors[code];
  if (!row) return fromOtherFastify(thrown as FastifyError | undefined);
  const { status, text, fix } = row;
  const body = { error: text, code: row.code, ...(fix !== undefined && { fix }), requestId: '' };
  return { status, body, ...(status === 503 && { retryAfter: 10 }) };
}

/** Fastify's remaining refusals of a client's request, in its own words. */
function fromOtherFastify(error: FastifyError | undefined): HttpFailure | undefined {
  const { code, statusCode: status = 500, message } = error ?? {};
  if (typeof code !== 'string' || !code.startsWith('FST_') || status < 400 || status > 499) return undefined;
  return { status, body: { error: message!, code: 'REQUEST_INVALID', requestId: '' } };
}

/** The error as strangers may see it: no stack, no address of the server, nothing of a defect's message. */
function publicError(error: ConchError): ConchError {
  if (error.code === 'INTERNAL') return new ConchError('INTERNAL', 'internal error');
  if (error.code === 'SERVER_UNREACHABLE') {
    return new ConchError('SERVER_UNREACHABLE', 'the inference server cannot be reached');
  }
  if (error.code !== 'SERVER_ERROR') return error;
  const message = error.message.replace(/\bhttps?:\/\/[^\s/]+/g, 'the inference server');
  if (isQueueFull(error)) return new ConchError('QUEUE_FULL', message);
  return new ConchError('SERVER_ERROR', message, { status: error.status });
}

/** Triton reports a full queue as any other UNAVAILABLE; only its words tell that trying again soon may help. */
function isQueueFull(error: ConchError): boolean {
  return error.code === 'SERVER_ERROR' && error.status === 'UNAVAILABLE' && /\bqueue\b/i.test(error.message);
}

function statusOf(error: ConchError): number {
  if (error.code === 'SERVER_ERROR') {
    const { status } = error;
    if (status === 'INTERNAL' || status === 'UNKNOWN') return 502;
    if (status === 'CANCELLED') return 503;
    return httpStatus(status);
  }
  return statusByCode[error.code] ?? httpStatus(error.status);
}
