import type { FastifyInstance } from 'fastify';
import { ConchError, type Logger } from '../base/index.ts';
import type { ProxyLimits } from './limits.ts';

export interface ProxyOptions {
  /** URL of the inference server, e.g. `http://127.0.0.1:8000`. */
  readonly server: string;
  /** Address to listen on; loopback (`127.0.0.1`) unless told otherwise. */
  readonly host?: string;
  /** Port to listen on; 8080 unless told otherwise, 0 for any free one. */
  readonly port?: number;
  readonly logger?: Logger;
  readonly limits?: Partial<ProxyLimits>;
  /** Models to offer; all that the server has unless told otherwise. */
  readonly models?: readonly string[];
  /** Class labels by model name, for servers that do not tell them. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds that one request may take from arrival to answer; 30,000 unless told otherwise. */
  readonly timeoutMs?: number;
  /** Requests that one address may send in a window; off unless given. */
  readonly rateLimit?: { readonly max: number; readonly windowMs: number };
}

export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  readonly app: FastifyInstance;
  /** Resolves when the server is ready and its models are known; rejects when `signal` aborts or the proxy closes. */
  whenReady(signal?: AbortSignal): Promise<void>;
  /** Takes no new requests, lets those in flight finish, closes the connection to the server. */
  close(): Promise<void>;
}

export async function startProxy(_options: ProxyOptions): Promise<RunningProxy> {
  throw new ConchError('NOT_SUPPORTED', 'startProxy is being written');
}
