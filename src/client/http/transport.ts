import type { EncodedBody } from '../../protocol/index.ts';

/** One HTTP exchange, as far as the client cares. */
export interface HttpCall {
  readonly method: 'GET' | 'POST';
  /** Path below the server's address, e.g. `/v2/health/ready`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: EncodedBody | undefined;
  readonly signal?: AbortSignal | undefined;
  /** May be sent again over a new connection when a kept one turns out to be closed. */
  readonly repeatable: boolean;
}

export interface HttpReply {
  readonly status: number;
  /** Value of a header, by its lower-case name. */
  header(name: string): string | undefined;
  readonly body: Uint8Array;
}

/**
 * What moves bytes. The codec and the client know no more of the platform than this, so that a browser needs only
 * another transport. Rejects with SERVER_UNREACHABLE, DEADLINE_EXCEEDED or REQUEST_CANCELLED.
 */
export interface HttpTransport {
  /** The server's address without credentials, without a slash at the end. */
  readonly url: string;
  send(call: HttpCall): Promise<HttpReply>;
  close(): void;
}
