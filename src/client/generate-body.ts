import { ConchError } from '../base/index.ts';
import type { EncodedBody } from '../protocol/index.ts';
import type { GenerateBody } from './triton-client.ts';

/** The JSON of a generate request. Throws REQUEST_INVALID for what JSON cannot hold. */
export function generateText(body: GenerateBody): string {
  try {
    return JSON.stringify(body);
  } catch (cause) {
    throw new ConchError('REQUEST_INVALID', `the body of generate cannot be JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
}

export function jsonBody(json: string): EncodedBody {
  const { length } = new TextEncoder().encode(json);
  return { json, binary: [], jsonLength: length, byteLength: length };
}

/** The only response of a stream. Throws SERVER_ERROR for none or several. */
export async function onlyOne<Response>(model: string, responses: AsyncIterable<Response>): Promise<Response> {
  let answer: Response | undefined;
  for await (const response of responses) {
    if (answer !== undefined) {
      throw new ConchError('SERVER_ERROR', `model '${model}' gave several responses, 'generate' carries exactly one`, {
        fix: 'use generateStream',
      });
    }
    answer = response;
  }
  if (answer !== undefined) return answer;
  throw new ConchError('SERVER_ERROR', `model '${model}' gave no response, 'generate' carries exactly one`);
}
