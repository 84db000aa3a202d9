import type { EncodedBody } from '../../protocol/index.ts';

/** One HTTP exchange, as far as the client cares. */
export interface HttpCall {
  readonly method: 'GET' | 'POST';
  /** Path below the server's address, e.g. `/v2/health/ready`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: EncodedBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** In place of the transport's own; milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** May be sent again over a new connection when a kept one turns out to be closed. */
  readonly repeatable: boolean;
  /** The body must arrive as it is. */
  readonly plain?: boolean;
}

export interface HttpHead {
  readonly status: number;
  /** Value of a header, by its lower-case name. */
  header(name: string): string | undefined;
}

export interface HttpReply extends HttpHead {
  readonly body: Uint8Array;
}

/** An answer whose body is read while it comes. Leaving the iteration early ends the exchange. */
export interface HttpStream extends HttpHead {
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * What moves bytes. The codec and the client know no more of the platform than this, so that a browser needs only
 * another transport. Rejects with SERVER_UNREACHABLE, DEADLINE_EXCEEDED or REQUEST_CANCELLED.
 */
export interface HttpTransport {
  /** The server's address without credentials, without a slash at the end. */
  readonly url: string;
  send(call: HttpCall): Promise<HttpReply>;
  /** Resolves when the head is there. The timeout bounds each wait, not the whole. */
  open(call: HttpCall): Promise<HttpStream>;
  close(): void;
}

/** Bodies below this many bytes are not worth compressing. */
export const compressFrom = 1024;

/** Address of a server as its transport names it, the path prefix of a gateway, and credentials as a header. */
export function partsOf(url: URL): { origin: string; prefix: string; headers: Record<string, string> } {
  const prefix = url.pathname.replace(/\/+$/, '');
  return { origin: `${url.protocol}//${url.host}${prefix}`, prefix, headers: basicCredentials(url) };
}

function basicCredentials({ username, password }: URL): Record<string, string> {
  if (!username && !password) return {};
  const bytes = new TextEncoder().encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}
