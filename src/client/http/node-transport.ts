// The only file of this folder that needs Node.
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { ConchError } from '../../base/index.ts';
import { joinBody } from '../../protocol/index.ts';
import type { HttpCall, HttpReply, HttpTransport } from './transport.ts';

export interface NodeTransportOptions {
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Connections at most; further calls wait for a free one. */
  readonly maxConnections: number;
}

/** Answers beyond this are given up; also the most that Triton sends over gRPC. */
const maxReplyBytes = 2 ** 31 - 1;
/** Up to here JSON and tensors leave in one piece; copying is cheaper than a second write. */
const joinBelow = 256 * 1024;

/** HTTP/1.1 over node:http with connections kept open. */
export class NodeTransport implements HttpTransport {
  readonly url: string;
  private readonly agent: http.Agent;
  private readonly request: typeof http.request;
  private readonly base: RequestOptions;
  private readonly prefix: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly timeoutMs: number;

  constructor(url: URL, options: NodeTransportOptions) {
    const secure = url.protocol === 'https:';
    const agentOptions = { keepAlive: true, maxSockets: options.maxConnections, noDelay: true };
    this.agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
    this.request = secure ? https.request : http.request;
    this.prefix = url.pathname.replace(/\/+$/, '');
    this.url = `${url.protocol}//${url.host}${this.prefix}`;
    this.base = { agent: this.agent, hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || undefined };
    const credentials = url.username || url.password ? basicCredentials(url) : {};
    this.headers = { ...credentials, ...options.headers };
    this.timeoutMs = options.timeoutMs;
  }

  async send(call: HttpCall): Promise<HttpReply> {
    const deadline = Date.now() + this.timeoutMs;
    try {
      return await this.exchange(call, this.timeoutMs);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return this.exchange({ ...call, repeatable: false }, Math.max(1, deadline - Date.now()));
    }
  }

  /** One request and its answer. The timer covers everything, from the wait for a connection to the last byte. */
  private exchange(call: HttpCall, timeoutMs: number): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const { signal, body } = call;
      if (signal?.aborted) {
        reject(cancelled(signal));
        return;
      }
      const headers: Record<string, string | number> = { ...this.headers, ...call.headers };
      if (body) headers['Content-Length'] = body.byteLength;
      else if (call.method === 'POST') headers['Content-Length'] = 0;
      const request = this.request({ ...this.base, method: call.method, path: this.prefix + call.path, headers });

      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: Error) => {
        settle();
        reject(error);
        request.destroy();
      };
      const onAbort = () => fail(cancelled(signal!));
      const timer = setTimeout(() => fail(this.late()), timeoutMs);
      signal?.addEventListener('abort', onAbort);

      request.on('error', (error: NodeJS.ErrnoException) => {
        const stale = call.repeatable && request.reusedSocket && staleCodes.has(error.code ?? '');
        fail(stale ? new StaleConnection() : this.unreachable(error));
      });
      request.on('response', (response) => {
        const chunks: Uint8Array[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length > maxReplyBytes) fail(this.oversized());
        });
        response.on('end', () => {
          settle();
          resolve(new NodeReply(response, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)));
        });
        response.on('error', (error) => fail(this.unreachable(error)));
      });
      if (!body) {
        request.end();
      } else if (body.byteLength <= joinBelow) {
        request.end(joinBody(body));
      } else {
        request.cork();
        request.write(body.json);
        for (const part of body.binary) request.write(part);
        request.end();
        request.uncork();
      }
    });
  }

  close(): void {
    this.agent.destroy();
  }

  private late(): ConchError {
    return new ConchError('DEADLINE_EXCEEDED', `${this.url} did not answer within ${this.timeoutMs} ms`);
  }

  private oversized(): ConchError {
    return new ConchError('SERVER_ERROR', `${this.url} sent more than ${maxReplyBytes} bytes`);
  }

  private unreachable(error: NodeJS.ErrnoException): ConchError {
    const [reason, fix] = explain(error);
    return new ConchError('SERVER_UNREACHABLE', `cannot reach ${this.url}: ${reason}`, {
      cause: error,
      ...(fix !== undefined && { fix }),
    });
  }
}

/** A connection that had been kept open turned out to be closed before anything was answered. */
class StaleConnection extends Error {}
const staleCodes = new Set(['ECONNRESET', 'EPIPE']);

class NodeReply implements HttpReply {
  readonly body: Uint8Array;
  private readonly response: IncomingMessage;
  constructor(response: IncomingMessage, body: Uint8Array) {
    this.response = response;
    this.body = body;
  }
  get status(): number {
    return this.response.statusCode ?? 0;
  }
  header(name: string): string | undefined {
    const value = this.response.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

/** What a network error means in plain words, and what to do about it where that is clear. */
function explain(error: NodeJS.ErrnoException): [reason: string, fix?: string] {
  switch (error.code) {
    case 'ECONNREFUSED':
      return ['nothing listens at that address', 'start the server, or check host and port'];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['the host name cannot be resolved', 'check the host name'];
    case 'ECONNRESET':
    case 'EPIPE':
      return ['the connection was closed before the answer was complete'];
    case 'ETIMEDOUT':
      return ['the connection attempt got no answer'];
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return ['there is no route to that host'];
    case 'EMFILE':
    case 'ENFILE':
      return ['this process has too many open files'];
  }
  if (error.code?.startsWith('HPE_')) return ['what answers there does not speak HTTP', 'check the port'];
  if (error.code?.startsWith('ERR_SSL') || error.code === 'EPROTO') return ['TLS failed', 'check http or https'];
  return [error.message || error.code || 'unknown error'];
}

function cancelled(signal: AbortSignal): Error {
  const { reason } = signal;
  if (reason instanceof ConchError) return reason;
  return new ConchError('REQUEST_CANCELLED', 'the request was cancelled by its caller', { cause: reason });
}

function basicCredentials(url: URL): Record<string, string> {
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { Authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` };
}
