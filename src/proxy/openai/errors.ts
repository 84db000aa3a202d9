import type { HttpFailure } from '../errors.ts';

/** An error as clients of OpenAI's API expect it, with conch's code and the request's id. */
export function openaiError({ status, body }: HttpFailure) {
  const { error, code, field, fix, requestId } = body;
  const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error';
  const message = fix === undefined ? error : `${error} (${fix})`;
  return { error: { message, type, param: field ?? null, code }, requestId };
}
