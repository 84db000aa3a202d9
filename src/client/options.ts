import type { ContentCoding, TensorEncoding } from '../protocol/index.ts';
import type { Clock } from './balance/clock.ts';
import type { RetryOptions } from './balance/retry.ts';
import type { BalanceOptions } from './balance/servers.ts';

/** How a server is reached. */
export interface ConnectOptions {
  /**
   * Longest wait for any answer in milliseconds, from the wait for a free connection to the last byte; of a stream, for
   * each response. Default 60000.
   */
  readonly timeoutMs?: number;
  /** Sent with every request, e.g. for restricted APIs or a gateway. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of HTTP on Node: connections at most; further calls wait for a free one. Default 256. gRPC has one for all calls. */
  readonly maxConnections?: number;
  /** How tensors travel over HTTP; default binary. JSON is for reading along. */
  readonly tensors?: TensorEncoding;
  /** Compresses requests of 1 KiB and more; default none. gRPC knows gzip only. */
  readonly requestCompression?: ContentCoding;
  /** Asks the server to compress its answers; default false (a browser always asks). */
  readonly responseCompression?: boolean;
  /** How calls that failed are repeated; a number: how often at most. */
  readonly retry?: number | RetryOptions;
  /** When one of several servers is left out. */
  readonly balance?: BalanceOptions;
  /** In place of the system's, for tests. */
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Of https:// and grpcs:// on Node. */
  readonly tls?: TlsOptions;
}

/** PEM texts; what is absent is Node's default. */
export interface TlsOptions {
  /** Certificates of the authorities that may have signed the server's, in place of the system's. */
  readonly ca?: string | Uint8Array;
  /** The client's own certificate and key, where the server asks for one. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly passphrase?: string;
  /** The name that the server's certificate must have, where it is not the host's. */
  readonly serverName?: string;
  /** Accepts any certificate: whoever is in between can read and change everything. For tests only. */
  readonly insecureSkipVerify?: boolean;
}
