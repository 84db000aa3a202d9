import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ConchError, createLogger, type Logger } from '../base/index.ts';
import { connect } from '../client/index.ts';
import { createProxyApp } from './app.ts';
import type { ModelCatalog } from './catalog.ts';
import type { ProxyLimits } from './limits.ts';
import { type KeySources, type OpenedKeys, openKeys, ProxyMetrics, serveMetrics } from './operations/index.ts';
import type { TextOptions } from './plugin.ts';

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
  /** How texts reach encoders, and where their tokenizers lie. */
  readonly text?: TextOptions;
  /** Milliseconds that one inference request may take once its body is read; 30,000 unless told otherwise. */
  readonly timeoutMs?: number;
  /** Requests that one address may send in a window; off unless given. */
  readonly rateLimit?: { readonly max: number; readonly windowMs: number };
  /** Where the API keys stand that requests must carry one of; everybody may ask unless given. */
  readonly apiKeys?: KeySources;
  /** Origins whose pages may ask from a browser, `*` for all; none unless given. */
  readonly corsOrigins?: readonly (string | RegExp)[];
  /**
   * Port of `/metrics`, on `host`; 0 for any free one, false for none. Unless given it is a route beside the others,
   * which needs a key with the admin scope where there are keys.
   */
  readonly metricsPort?: number | false;
  /** Milliseconds that requests in flight get to finish when the proxy closes; 10,000 unless told otherwise. */
  readonly drainMs?: number;
}

export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  /** Where metrics have a port of their own. */
  readonly metricsPort: number | undefined;
  readonly app: FastifyInstance;
  /** Resolves when the server is ready and its models are known; rejects when `signal` aborts or the proxy closes. */
  whenReady(signal?: AbortSignal): Promise<void>;
  /** Takes no new requests, lets those in flight finish, closes the connection to the server. */
  close(): Promise<void>;
}

/**
 * Starts the proxy. It listens at once and finds the server's models when the server is ready, so both may be started
 * in any order.
 * @throws USAGE for a URL, address or limit that cannot be used; the message names the port when it is taken.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const {
    server,
    host = '127.0.0.1',
    port = 8080,
    timeoutMs = 30_000,
    drainMs = 10_000,
    apiKeys,
    metricsPort,
    ...rest
  } = options;
  const client = connect(server, { timeoutMs });
  let catalog: ModelCatalog | undefined;
  const logger = options.logger ?? createLogger('warn', 'conch-proxy');
  const onCatalog = (created: ModelCatalog) => {
    catalog = created;
  };
  let app: FastifyInstance | undefined;
  let keys: OpenedKeys | undefined;
  let exporter: Awaited<ReturnType<typeof serveMetrics>> | undefined;
  const metrics = metricsPort === false ? undefined : new ProxyMetrics({ process: true });
  try {
    if (metrics && typeof metricsPort === 'number') exporter = await serveMetrics(metrics, { host, port: metricsPort });
    keys = apiKeys && (await openKeys(apiKeys, logger));
    app = await createProxyApp({
      ...rest,
      client,
      logger,
      timeoutMs,
      onCatalog,
      metricsRoute: metricsPort === undefined,
      ...(metrics && { metrics }),
      ...(keys && { keys: keys.ring }),
    });
    if (!keys && !isLoopback(host)) {
      logger.warn(`everybody who reaches ${host} may ask: the proxy has no API keys`);
    }
    await app.listen({ host, port });
  } catch (error) {
    keys?.close();
    await app?.close();
    await exporter?.close();
    await client.close();
    throw listenError(error, host, port);
  }
  const started = app;
  const address = started.server.address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${shown}:${address.port}`,
    port: address.port,
    metricsPort: exporter?.port,
    app: started,
    whenReady: (signal) => catalog!.whenReady(signal),
    close: () => {
      closing ??= drain(started, drainMs).finally(async () => {
        keys?.close();
        await exporter?.close();
        await client.close();
      });
      return closing;
    },
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

async function drain(app: FastifyInstance, drainMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

function listenError(thrown: unknown, host: string, port: number): unknown {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new ConchError('USAGE', `port ${port} on ${host} is taken`, { fix: 'choose another port, or 0 for any' });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND') {
    return new ConchError('USAGE', `cannot listen on ${host}, port ${port}: ${code}`, { cause: thrown });
  }
  return thrown;
}
