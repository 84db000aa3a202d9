import { ConchError } from '../base/index.ts';

/** Answers beyond this are given up; also the most that Triton sends over gRPC. */
export const maxReplyBytes = 2 ** 31 - 1;

/** Why a call's signal ended it: its caller's own ConchError, a deadline (`AbortSignal.timeout`), or a cancellation. */
export function cancelled({ reason }: AbortSignal): ConchError {
  if (reason instanceof ConchError) return reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return new ConchError('DEADLINE_EXCEEDED', "the request was not answered within its caller's deadline", {
      cause: reason,
    });
  }
  return new ConchError('REQUEST_CANCELLED', 'the request was cancelled by its caller', { cause: reason });
}

export function late(url: string, timeoutMs: number): ConchError {
  return new ConchError('DEADLINE_EXCEEDED', `${url} did not answer within ${timeoutMs} ms`);
}

export function oversized(url: string): ConchError {
  return new ConchError('SERVER_ERROR', `${url} sent more than ${maxReplyBytes} bytes`);
}

export function unreachable(url: string, reason: string, fix: string | undefined, cause: unknown): ConchError {
  return new ConchError('SERVER_UNREACHABLE', `cannot reach ${url}: ${reason}`, {
    cause,
    ...(fix !== undefined && { fix }),
  });
}

/** Milliseconds that a Retry-After header asks for: seconds, or a date. `now` is in milliseconds since the epoch. */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
