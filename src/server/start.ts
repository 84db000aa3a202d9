import { totalmem } from 'node:os';
import { cacheDirectory, createLogger, type Logger, packageVersion, readTls, type TlsFiles } from '../base/index.ts';
import type { EngineOptions, LatencyMetrics } from '../engine/index.ts';
import { defaultMaxInputBytes } from '../protocol/index.ts';
import type { ServedEngine, ServerContext } from './context.ts';
import { type CompressionLevel, GrpcListener, type KeepaliveOptions } from './grpc/index.ts';
import { dispatch } from './http/dispatch.ts';
import { HeaderForwarding } from './http/forwarding.ts';
import type { Call } from './http1/index.ts';
import { Listener } from './listener.ts';
import { metricsEndpoint } from './metrics/endpoint.ts';
import { RestrictedAccess, type Restriction } from './restricted.ts';
import { LogSettings, type TraceSetting, TraceSettings } from './settings/index.ts';
import { SharedMemoryRegistry } from './shared-memory/index.ts';
import { Tracer } from './trace/index.ts';

export interface ListenerOptions {
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** Default 8000; 0 takes a free port. */
  readonly httpPort?: number;
  /** Default 8002; 0 takes a free port, false serves no metrics. */
  readonly metricsPort?: number | false;
  /** Address of the metrics; default `host`. */
  readonly metricsAddress?: string;
  /** Milliseconds between two readings of the machine for metrics; default 2000. */
  readonly metricsIntervalMs?: number;
  /** Whether metrics tell of the machine's load and memory; default true. */
  readonly allowCpuMetrics?: boolean;
  /** Which latencies metrics show; default totals only. */
  readonly latencyMetrics?: LatencyMetrics;
  /** Triton's is 8001, 0 takes a free port; absent: no gRPC. */
  readonly grpcPort?: number;
  readonly grpc?: GrpcOptions;
  /** Bounds JSON text, tensors decoded from it, raw and decompressed bodies; default 64 MiB, as in Triton. */
  readonly httpMaxInputSize?: number;
  /** Bounds a whole body, its binary tensors included; default 1 GiB. */
  readonly maxRequestBytes?: number;
  /** Bounds the bodies that all HTTP requests under way hold together; default 2 GiB, at most a quarter of the memory. */
  readonly maxBodiesBytes?: number;
  /** TLS for the HTTP port; default none, as in Triton. */
  readonly httpTls?: TlsFiles;
  /** Headers whose name matches become parameters of an inference request; default none. */
  readonly httpHeaderForwardPattern?: string;
  /** Longest wait for the headers of a request, and for all of it; default 20,000 and 300,000. */
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** Aborted, the server closes, also while it is still loading its models. */
  readonly signal?: AbortSignal;
  /** Longest wait for requests under way when closing; default 30. */
  readonly exitTimeoutSecs?: number;
  /** Name and version in the server's metadata; default `triton` (clients may look for it) and conch's own. */
  readonly id?: string;
  readonly version?: string;
  readonly logger?: Logger;
  /** Whether clients may change trace and log settings, and share memory with the server; default false. */
  readonly allowTraceSettings?: boolean;
  readonly allowLogSettings?: boolean;
  readonly allowClientShm?: boolean;
  /** Folder of POSIX shared memory objects; default /dev/shm. */
  readonly sharedMemoryFolder?: string;
  /** Which calls over HTTP need which header. */
  readonly httpRestrictedApi?: readonly Restriction[];
  /** How requests are traced from the start; default not at all. */
  readonly trace?: Partial<TraceSetting>;
}

/** How gRPC is served. */
export interface GrpcOptions {
  /** Address to listen on; default as for HTTP. */
  readonly host?: string;
  /** Default none, as in Triton. */
  readonly tls?: TlsFiles;
  /** Triton's --grpc-infer-response-compression-level; default none. */
  readonly compressionLevel?: CompressionLevel;
  /** Metadata whose name matches become parameters of an inference request; default none. */
  readonly headerForwardPattern?: string;
  /** Triton's --grpc-restricted-protocol. */
  readonly restrictedProtocol?: readonly Restriction[];
  readonly keepalive?: KeepaliveOptions;
}

/** Where to listen, and how the engine is set up. */
export interface ServerOptions extends ListenerOptions, Omit<EngineOptions, 'backends' | 'clock'> {}

export interface RunningServer {
  /** `http://host:port` of the inference port. */
  readonly url: string;
  readonly httpPort: number;
  readonly metricsPort: number | undefined;
  readonly grpcPort: number | undefined;
  readonly engine: ServedEngine;
  /**
   * Stops accepting, finishes what is under way, unloads; false when something had to be broken off. Calling again waits
   * for the same end.
   */
  close(): Promise<boolean>;
}

/**
 * Serves a model repository over Triton's protocols. Sockets open first, so that health can be asked while models load;
 * resolves when they are loaded. Throws USAGE for ports that cannot be had, and what loading throws.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { Engine } = await import('../engine/index.ts');
  const engine = Engine.create({ cacheDirectory: cacheDirectory(), ...options });
  return serveEngine(engine, options);
}

/** The same for an engine of the caller's, not started yet. Closing the server closes the engine. */
export async function serveEngine(engine: ServedEngine, options: ListenerOptions = {}): Promise<RunningServer> {
  const { host = '127.0.0.1', httpPort = 8000, metricsPort = 8002, exitTimeoutSecs = 30 } = options;
  const logger = options.logger ?? createLogger('warn', 'conch-server');
  const { allowTraceSettings = false, allowLogSettings = false, allowClientShm = false } = options;
  const traceSettings = new TraceSettings({
    changeable: allowTraceSettings,
    ...(options.trace && { initial: options.trace }),
  });
  const context: ServerContext = {
    engine,
    phase: 'starting',
    id: options.id ?? 'triton',
    version: options.version ?? packageVersion(),
    limits: {
      maxInputBytes: options.httpMaxInputSize ?? defaultMaxInputBytes,
      maxRequestBytes: options.maxRequestBytes ?? 2 ** 30,
    },
    logger,
    logSettings: new LogSettings(logger, { changeable: allowLogSettings }),
    traceSettings,
    tracer: new Tracer(traceSettings, logger),
    sharedMemory: new SharedMemoryRegistry({
      allowed: allowClientShm,
      ...(options.sharedMemoryFolder !== undefined && { folder: options.sharedMemoryFolder }),
    }),
    httpRestricted: new RestrictedAccess(options.httpRestrictedApi ?? [], '--http-restricted-api'),
    grpcForwarding:
      options.grpc?.headerForwardPattern === undefined
        ? undefined
        : new HeaderForwarding(options.grpc.headerForwardPattern, '--grpc-header-forward-pattern'),
    httpForwarding:
      options.httpHeaderForwardPattern === undefined
        ? undefined
        : new HeaderForwarding(options.httpHeaderForwardPattern),
  };

  const listeners: { close(timeoutMs: number): Promise<boolean> }[] = [];
  let closing: Promise<boolean> | undefined;
  const close = () => (closing ??= stop(context, listeners, exitTimeoutSecs * 1000));
  try {
    const onRequest = (call: Call) => dispatch(call, context);
    const { headersTimeoutMs, requestTimeoutMs, maxBodiesBytes = defaultMaxBodiesBytes() } = options;
    const patience = { headersTimeoutMs, requestTimeoutMs };
    const tls = options.httpTls && (await readTls(options.httpTls, '--http'));
    const main = { host, port: httpPort, portFlag: '--http-port', maxBodiesBytes, tls, ...patience };
    const http = await Listener.open(onRequest, main);
    listeners.push(http);
    let metrics: Listener | undefined;
    if (metricsPort !== false) {
      const endpoint = metricsEndpoint(context, {
        intervalMs: options.metricsIntervalMs,
        cpu: options.allowCpuMetrics,
        latencies: options.latencyMetrics,
      });
      const metricsHost = options.metricsAddress ?? host;
      const where = { host: metricsHost, port: metricsPort, portFlag: '--metrics-port' };
      metrics = await Listener.open(endpoint, { ...where, ...patience });
      listeners.push(metrics);
    }
    const grpc = await openGrpc(context, options, host);
    if (grpc) listeners.push(grpc);
    options.signal?.addEventListener('abort', () => void close(), { once: true });
    if (options.signal?.aborted) void close();
    await engine.start();
    if (context.phase === 'starting') context.phase = 'serving';
    return {
      url: http.url,
      httpPort: http.port,
      metricsPort: metrics?.port,
      grpcPort: grpc?.port,
      engine,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openGrpc(
  context: ServerContext,
  { grpcPort, grpc = {} }: ListenerOptions,
  host: string,
): Promise<GrpcListener | undefined> {
  if (grpcPort === undefined) return undefined;
  const flag = '--grpc-restricted-protocol';
  return GrpcListener.open(context, {
    host: grpc.host ?? host,
    port: grpcPort,
    tls: grpc.tls && (await readTls(grpc.tls, '--grpc')),
    restricted: new RestrictedAccess(grpc.restrictedProtocol ?? [], flag, 'triton-grpc-protocol-'),
    compressionLevel: grpc.compressionLevel ?? 'none',
    keepalive: grpc.keepalive,
  });
}

/** A container's limit counts where there is one. */
function defaultMaxBodiesBytes(): number {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.min(2 ** 31, Math.floor(memory / 4));
}

/** In order: no new work, answers to what is under way, then the models go. */
async function stop(
  context: ServerContext,
  listeners: readonly { close(timeoutMs: number): Promise<boolean> }[],
  timeoutMs: number,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  // Sequences that have begun need the sockets to come to their end.
  if (context.engine.holdsSequences()) {
    context.phase = 'finishing';
    if (!(await context.engine.finishSequences(timeoutMs)))
      context.logger.warn(`sequences had not ended after ${timeoutMs} ms and were cut off`);
  }
  context.phase = 'stopping';
  const left = Math.max(0, deadline - Date.now());
  const whole = await Promise.all(listeners.map((listener) => listener.close(left)));
  if (whole.includes(false))
    context.logger.warn(`requests were still under way after ${timeoutMs} ms and were cut off`);
  const drained = await context.engine.close({ timeoutMs: Math.max(0, deadline - Date.now()) });
  await context.tracer.close();
  context.sharedMemory.close();
  return drained && !whole.includes(false);
}
