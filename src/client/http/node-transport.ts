// Of this folder only the files whose names begin with node- need Node.
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { ConchError } from '../../base/index.ts';
import {
  type ContentCoding,
  compress,
  decompress,
  type EncodedBody,
  inferenceHeaderLength,
  joinBody,
} from '../../protocol/index.ts';
import { cancelled, late, maxReplyBytes, oversized, unreachable } from '../failures.ts';
import type { TlsOptions } from '../options.ts';
import { explain } from './node-errors.ts';
import {
  compressFrom,
  type HttpCall,
  type HttpReply,
  type HttpStream,
  type HttpTransport,
  partsOf,
} from './transport.ts';

export interface NodeTransportOptions {
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Connections at most; further calls wait for a free one. */
  readonly maxConnections: number;
  readonly requestCompression?: ContentCoding | undefined;
  readonly responseCompression?: boolean | undefined;
  readonly tls?: TlsOptions | undefined;
}

/** Up to here JSON and tensors leave in one piece; copying is cheaper than a second write. */
const joinBelow = 256 * 1024;
/** Answers of this size get their memory at once, up to a bound on what a length alone can make us take. */
const allocateFrom = 16 * 1024;
const allocateTo = 256 * 1024 * 1024;
const replyHeaderLength = inferenceHeaderLength.toLowerCase();

/** HTTP/1.1 over node:http with connections kept open. */
export class NodeTransport implements HttpTransport {
  readonly url: string;
  private readonly agent: http.Agent;
  private readonly request: typeof http.request;
  private readonly base: RequestOptions;
  private readonly prefix: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly timeoutMs: number;
  private readonly requestCompression: ContentCoding | undefined;

  constructor(url: URL, options: NodeTransportOptions) {
    const secure = url.protocol === 'https:';
    const agentOptions = { keepAlive: true, maxSockets: options.maxConnections, noDelay: true };
    this.agent = secure ? new https.Agent({ ...agentOptions, ...nodeTls(options.tls) }) : new http.Agent(agentOptions);
    this.request = secure ? https.request : http.request;
    const { origin, prefix, headers } = partsOf(url);
    this.prefix = prefix;
    this.url = origin;
    this.base = { agent: this.agent, hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || undefined };
    this.headers = {
      ...headers,
      ...(options.responseCompression && { 'Accept-Encoding': 'gzip, deflate' }),
      ...options.headers,
    };
    this.timeoutMs = options.timeoutMs;
    this.requestCompression = options.requestCompression;
  }

  async send(call: HttpCall): Promise<HttpReply> {
    const timeoutMs = call.timeoutMs ?? this.timeoutMs;
    const deadline = Date.now() + timeoutMs;
    const { headers, parts } = await this.bodyOf(call);
    try {
      return await this.exchange(call, headers, parts, timeoutMs);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      const left = Math.max(1, deadline - Date.now());
      return this.exchange({ ...call, repeatable: false }, headers, parts, left);
    }
  }

  /** The parts of a body as they leave, and the headers that belong to them. */
  private async bodyOf({ body, headers, plain, method }: HttpCall): Promise<Outgoing> {
    if (!body) return { headers: { ...headers, ...(method === 'POST' && { 'Content-Length': 0 }) }, parts: [] };
    const coding = plain || body.byteLength < compressFrom ? undefined : this.requestCompression;
    if (coding === undefined)
      return { headers: { ...headers, 'Content-Length': body.byteLength }, parts: partsToSend(body) };
    const packed = await compress(joinBody(body), coding);
    return { headers: { ...headers, 'Content-Encoding': coding, 'Content-Length': packed.length }, parts: [packed] };
  }

  /** One request and its answer. The timer covers everything, from the wait for a connection to the last byte. */
  private exchange(
    call: HttpCall,
    headers: Record<string, string | number>,
    parts: readonly (string | Uint8Array)[],
    timeoutMs: number,
  ): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const { signal } = call;
      if (signal?.aborted) {
        reject(cancelled(signal));
        return;
      }
      const request = this.begin(call, headers);
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
      const timer = setTimeout(() => fail(late(this.url, timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', onAbort);
      request.on('error', (error: NodeJS.ErrnoException) => {
        const stale = call.repeatable && request.reusedSocket && staleCodes.has(error.code ?? '');
        fail(stale ? new StaleConnection() : this.unreachable(error));
      });
      request.on('response', (response) => {
        const gathered = new Gathered(response);
        response.on('data', (chunk: Buffer) => {
          if (!gathered.push(chunk)) fail(oversized(this.url));
        });
        response.on('end', () => {
          settle();
          const coding = response.headers['content-encoding'];
          if (coding !== 'gzip' && coding !== 'deflate') resolve(new NodeReply(response, gathered.body));
          else unpack(this.url, response, gathered.body, coding).then(resolve, reject);
        });
        response.on('error', (error) => fail(this.unreachable(error)));
      });
      write(request, parts);
    });
  }

  async open(call: HttpCall): Promise<HttpStream> {
    const { signal } = call;
    const { headers, parts } = await this.bodyOf(call);
    if (signal?.aborted) throw cancelled(signal);
    const timeoutMs = call.timeoutMs ?? this.timeoutMs;
    const request = this.begin(call, { ...headers, 'Accept-Encoding': 'identity' });
    let failure: ConchError | undefined;
    const end = (error: ConchError) => {
      failure = error;
      request.destroy(error);
    };
    const onAbort = () => end(cancelled(signal!));
    const onSilence = () => end(late(this.url, timeoutMs));
    let timer = setTimeout(onSilence, timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort);
    const explained = (error: unknown) => failure ?? this.unreachable(error as NodeJS.ErrnoException);
    write(request, parts);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
    }).catch((error) => {
      settle();
      throw explained(error);
    });
    // Between two reads nobody awaits the response; its end is told by the next read.
    response.on('error', () => {});
    async function* chunks(): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of response) {
          // A reader that takes its time is no silent server.
          clearTimeout(timer);
          yield chunk as Buffer;
          timer = setTimeout(onSilence, timeoutMs);
        }
      } catch (error) {
        throw explained(error);
      } finally {
        settle();
        request.destroy();
      }
    }
    return { status: response.statusCode ?? 0, header: (name) => headerOf(response, name), chunks: chunks() };
  }

  close(): void {
    this.agent.destroy();
  }

  private begin(call: HttpCall, headers: Record<string, string | number>): http.ClientRequest {
    const all = { ...this.headers, ...headers };
    return this.request({ ...this.base, method: call.method, path: this.prefix + call.path, headers: all });
  }

  private unreachable(error: NodeJS.ErrnoException): ConchError {
    const [reason, fix] = explain(error);
    return unreachable(this.url, reason, fix, error);
  }
}

interface Outgoing {
  readonly headers: Record<string, string | number>;
  readonly parts: readonly (string | Uint8Array)[];
}

function partsToSend(body: EncodedBody): readonly (string | Uint8Array)[] {
  return body.byteLength <= joinBelow ? [joinBody(body)] : [body.json, ...body.binary];
}

function write(request: http.ClientRequest, parts: readonly (string | Uint8Array)[]): void {
  if (parts.length <= 1) {
    request.end(parts[0]);
    return;
  }
  request.cork();
  for (const part of parts) request.write(part);
  request.end();
  request.uncork();
}

/**
 * The body of an answer. Where its length and that of its JSON are known beforehand, it lies in memory so that the
 * tensors behind the JSON are aligned and need no copy of their own.
 */
class Gathered {
  private readonly whole: Buffer | undefined;
  private readonly chunks: Uint8Array[] = [];
  private length = 0;

  constructor({ headers }: IncomingMessage) {
    const length = Number(headers['content-length']);
    const jsonLength = Number(headers[replyHeaderLength]);
    if (!(length >= allocateFrom && length <= allocateTo && jsonLength <= length)) return;
    if (headers['content-encoding'] !== undefined) return;
    const padding = -jsonLength & 7;
    this.whole = Buffer.allocUnsafeSlow(padding + length).subarray(padding);
  }

  /** False once it is more than an answer may be. */
  push(chunk: Uint8Array): boolean {
    if (this.whole) this.whole.set(chunk, this.length);
    else this.chunks.push(chunk);
    this.length += chunk.length;
    return this.length <= maxReplyBytes;
  }

  get body(): Uint8Array {
    if (this.whole) return this.whole.subarray(0, this.length);
    return this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks, this.length);
  }
}

async function unpack(url: string, response: IncomingMessage, body: Uint8Array, coding: ContentCoding) {
  try {
    return new NodeReply(response, body.length === 0 ? body : await decompress(body, coding, maxReplyBytes));
  } catch (cause) {
    throw new ConchError('SERVER_ERROR', `${url} sent what cannot be unpacked: ${(cause as Error).message}`, { cause });
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
    return headerOf(this.response, name);
  }
}

function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** TLS as node:tls takes it, for HTTP and gRPC alike. */
export function nodeTls(tls: TlsOptions | undefined): object {
  if (!tls) return {};
  const { ca, cert, key, passphrase, serverName, insecureSkipVerify } = tls;
  const given = { ca, cert, key, passphrase, servername: serverName };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(insecureSkipVerify && { rejectUnauthorized: false }),
  };
}
