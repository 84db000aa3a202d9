import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { ConchError } from '../base/index.ts';

/**
 * Makes `app` read JSON bodies and nothing else. Bodies that are not UTF-8, not JSON, or that name `__proto__` or
 * `constructor.prototype` are refused with the reason.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    if (!isUtf8(bytes)) {
      done(new ConchError('REQUEST_MALFORMED', 'the body is not valid UTF-8'));
      return;
    }
    const text = bytes.toString('utf8');
    parse(request, text, (error, value) => {
      done(
        error && (error as { code?: string }).code === 'FST_ERR_CTP_INVALID_JSON_BODY' ? reason(text) : error,
        value,
      );
    });
  });
}

function reason(text: string): ConchError {
  try {
    JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (error) {
    return new ConchError('REQUEST_MALFORMED', `the body is not valid JSON: ${firstLine((error as Error).message)}`);
  }
  return new ConchError('REQUEST_INVALID', "body: fields named '__proto__' or 'constructor.prototype' are not taken");
}

function firstLine(message: string): string {
  return message.replace(/\s+/g, ' ').slice(0, 200).toWellFormed();
}
