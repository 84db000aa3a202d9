import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ConchError, createLogger, type Logger, type TlsFiles } from '../base/index.ts';
import { createProxyApp, type ProxyAppOptions } from './app.ts';
import type { ModelCatalog } from './catalog.ts';
import {
  Drain,
  followCertificates,
  type KeySources,
  OtlpExporter,
  type OtlpOptions,
  openKeys,
  ProxyMetrics,
  serveMetrics,
  Tracer,
  tlsSettings,
} from './operations/index.ts';
import {
  connectServers,
  countServers,
  countShadow,
  RoutedClient,
  type ServerAddress,
  type ShadowAddress,
  type SpreadOptions,
  shadowAt,
  type VersionWeights,
} from './upstream/index.ts';

/** Options of the app that are passed on as they are. */
const passedOn = [
  'limits',
  'models',
  'labels',
  'text',
  'cache',
  'watchMs',
  'rateLimit',
  'corsOrigins',
  'logPayloads',
] as const satisfies readonly (keyof ProxyAppOptions)[];

export interface ProxyOptions extends Pick<ProxyAppOptions, (typeof passedOn)[number] | 'timeoutMs'> {
  /** URL of the inference server, e.g. `http://127.0.0.1:8000`, or several that are used as one. */
  readonly server: string | readonly ServerAddress[];
  /** When a server is left out, and how often an inference is tried on another one. */
  readonly spread?: Omit<SpreadOptions, 'logger'>;
  /** How the traffic of models is shared out between their versions, by model; the newest gets all unless given. */
  readonly routes?: Readonly<Record<string, VersionWeights>>;
  /** A server that gets copies of inferences, to be compared; clients see nothing of it. */
  readonly shadow?: ShadowAddress;
  /**
   * Whether there are routes below `/admin`, and Triton's own that change a server; default false. They need a key with
   * the admin scope; `without-keys`: none, for a machine of one's own.
   */
  readonly admin?: boolean | 'without-keys';
  /** Address to listen on; loopback (`127.0.0.1`) unless told otherwise. */
  readonly host?: string;
  /** Port to listen on; 8080 unless told otherwise, 0 for any free one. */
  readonly port?: number;
  readonly logger?: Logger;
  /** Where the API keys stand that requests must carry one of; everybody may ask unless given. */
  readonly apiKeys?: KeySources;
  /** PEM files with which the proxy speaks HTTPS; they are read again when they change. Plain HTTP unless given. */
  readonly tls?: TlsFiles;
  /**
   * Port of `/metrics`, on `host`; 0 for any free one, false for none. Unless given it is a route beside the others,
   * which needs a key with the admin scope where there are keys.
   */
  readonly metricsPort?: number | false;
  /** Where spans go; without it traces of clients are passed on to the server, and nothing is recorded. */
  readonly tracing?: Omit<OtlpOptions, 'logger'> & { readonly share?: number };
  /** Milliseconds that requests in flight get to finish when the proxy closes; 10,000 unless told otherwise. */
  readonly drainMs?: number;
  /** Milliseconds that `/healthz` says no, when the proxy closes, before its port does; 0 unless told otherwise. */
  readonly drainDelayMs?: number;
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
 * @throws USAGE for a URL, address, file or limit that cannot be used; the message names the port when it is taken.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { host = '127.0.0.1', port = 8080, timeoutMs = 30_000, apiKeys, tls, metricsPort } = options;
  const logger = options.logger ?? createLogger('warn', 'conch-proxy');
  const spread = connectServers(options.server, { ...options.spread, timeoutMs, logger });
  const client = new RoutedClient(spread, options.shadow && shadowAt(options.shadow));
  /** What is open, to be closed in the opposite order. */
  const open: (() => unknown)[] = [() => client.close()];
  const closeAll = async () => {
    for (const close of open.splice(0).reverse()) await close();
  };
  const drain = new Drain({ delayMs: options.drainDelayMs ?? 0, drainMs: options.drainMs ?? 10_000 });
  let catalog: ModelCatalog | undefined;
  try {
    const keys = apiKeys && (await openKeys(apiKeys, logger));
    if (keys) open.push(keys.close);
    else if (!isLoopback(host)) logger.warn(`everybody who reaches ${host} may ask: the proxy has no API keys`);
    for (const [model, weights] of Object.entries(options.routes ?? {})) client.versions.set(model, weights);
    if (options.admin === true && !keys?.ring.hasAdmin) {
      throw new ConchError('USAGE', 'the admin routes need an API key with the admin scope', {
        fix: '`conch proxy key --name ops --admin --file FILE` makes one, --api-keys FILE names the file',
      });
    }
    const metrics = metricsPort === false ? undefined : new ProxyMetrics({ process: true });
    if (metrics) countServers(metrics, spread);
    if (metrics && client.shadow) countShadow(metrics, client.shadow);
    const exporter = options.tracing && new OtlpExporter({ ...options.tracing, logger });
    if (exporter) open.push(() => exporter.close());
    const { share } = options.tracing ?? {};
    const tracer = new Tracer({ ...(exporter && { onEnd: exporter.add }), ...(share !== undefined && { share }) });
    const app = await createProxyApp({
      ...appOptions(options),
      client,
      logger,
      timeoutMs,
      onCatalog: (created) => (catalog = created),
      tracer,
      isRouted: (model) => client.versions.main(model) !== undefined,
      draining: () => drain.draining,
      metricsRoute: metricsPort === undefined,
      ...(metrics && { metrics }),
      ...(keys && { keys: keys.ring }),
      ...(options.admin && { admin: client }),
      ...(tls && { https: await tlsSettings(tls) }),
    });
    open.push(() => drain.end(app));
    if (tls) open.push(followCertificates(app, tls, logger));
    await app.listen({ host, port });
    let metricsServer: Awaited<ReturnType<typeof serveMetrics>> | undefined;
    if (metrics && typeof metricsPort === 'number') {
      metricsServer = await serveMetrics(metrics, { host, port: metricsPort }).catch((error) => {
        throw listenError(error, host, metricsPort);
      });
      // Before the app, so that it closes after it: how a drain goes is worth seeing.
      open.splice(1, 0, metricsServer.close);
    }
    const address = app.server.address() as AddressInfo;
    const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    let closing: Promise<void> | undefined;
    return {
      url: `${tls ? 'https' : 'http'}://${shown}:${address.port}`,
      port: address.port,
      metricsPort: metricsServer?.port,
      app,
      whenReady: (signal) => catalog!.whenReady(signal),
      close: () => (closing ??= closeAll()),
    };
  } catch (error) {
    await closeAll();
    throw listenError(error, host, port);
  }
}

function appOptions(options: ProxyOptions): Partial<ProxyAppOptions> {
  return Object.fromEntries(passedOn.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])));
}

/** Whether an address to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
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
