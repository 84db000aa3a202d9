import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConchError, toConchError } from '../../base/index.ts';
import { httpStatus } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';

/** A chunked body in more pieces than this is refused, as in Triton; it is mostly overhead. */
const maxChunks = 65_536;

/** One request and its answer, with the ways in which endpoints read and reply. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly context: ServerContext;
  private controller: AbortController | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, context: ServerContext) {
    this.request = request;
    this.response = response;
    this.context = context;
  }

  /** Aborted when the client goes away before it has its answer. */
  get signal(): AbortSignal {
    if (!this.controller) {
      const controller = new AbortController();
      this.controller = controller;
      this.response.once('close', () => {
        if (!this.response.writableFinished) controller.abort();
      });
    }
    return this.controller.signal;
  }

  /** The body, in one piece without a copy where it came in one. Throws REQUEST_TOO_LARGE, REQUEST_CANCELLED. */
  readBody(maxBytes: number): Promise<Uint8Array> {
    const { request } = this;
    const announced = request.headers['content-length'];
    if (announced !== undefined && Number(announced) > maxBytes) return Promise.reject(tooLarge(announced, maxBytes));
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = [];
      let length = 0;
      const refuse = (error: ConchError) => {
        request.removeListener('data', onData);
        chunks.length = 0;
        reject(error);
      };
      const onData = (chunk: Uint8Array) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > maxBytes) refuse(tooLarge(`more than ${maxBytes}`, maxBytes));
        else if (chunks.length > maxChunks && announced === undefined) {
          this.response.shouldKeepAlive = false;
          refuse(new ConchError('REQUEST_INVALID', `the chunked body has more than ${maxChunks} chunks`));
        }
      };
      request.on('data', onData);
      request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
      // Without a listener for errors a connection that breaks while it sends would end the process.
      request.on('error', () => reject(new ConchError('REQUEST_CANCELLED', 'the client went away while sending')));
    });
  }

  /** A status without a body. */
  replyEmpty(status: number): void {
    this.write(status, undefined, '');
  }

  replyJson(status: number, value: unknown): void {
    this.write(status, 'application/json', JSON.stringify(value));
  }

  replyText(status: number, contentType: string, text: string): void {
    this.write(status, contentType, text);
  }

  /** Triton's error form. */
  replyError(thrown: unknown): void {
    const error = toConchError(thrown);
    const message = this.publicMessage(error);
    if (this.response.headersSent) this.response.destroy();
    else this.replyJson(httpStatus(error.status), { error: message });
  }

  /** What a client may read of an error. Defects are logged and keep their details to themselves. */
  publicMessage(error: ConchError): string {
    if (error.code !== 'INTERNAL') return error.message;
    this.context.logger.error({ err: error.cause ?? error, url: this.request.url }, 'a request failed');
    return 'internal error; the log has details';
  }

  /** Headers of an answer, as the flat list that `writeHead` takes fastest. */
  head(status: number, headers: (string | number)[]): ServerResponse {
    if (this.context.phase === 'stopping') this.response.shouldKeepAlive = false;
    return this.response.writeHead(status, headers as unknown as string[]);
  }

  private write(status: number, contentType: string | undefined, text: string): void {
    if (this.response.destroyed) return;
    const headers: (string | number)[] = ['Content-Length', Buffer.byteLength(text)];
    if (contentType !== undefined) headers.push('Content-Type', contentType);
    this.head(status, headers).end(text);
  }
}

function tooLarge(got: string, limit: number): ConchError {
  return new ConchError('REQUEST_TOO_LARGE', `the request body has ${got} bytes, the limit is ${limit}`, {
    fix: 'raise --http-max-input-size',
  });
}
