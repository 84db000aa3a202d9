import type { FastifyPluginAsync } from 'fastify';
import type { Logger } from '../base/index.ts';
import type { InferenceClient } from '../client/index.ts';
import { readJsonBodies } from './body.ts';
import { AnswerCache } from './cache/answer-cache.ts';
import type { CacheLimits } from './cache/store.ts';
import { ModelCatalog, type TextPath } from './catalog.ts';
import { Combiner } from './combine.ts';
import { Gate } from './gate.ts';
import { type ProxyLimits, resolveLimits } from './limits.ts';
import { observe } from './observe.ts';
import type { ProxyMetrics, Tracer } from './operations/index.ts';
import { logPayloads } from './payload-log.ts';
import { adminRoutes } from './routes/admin.ts';
import type { RouteContext } from './routes/context.ts';
import { collectSchemas, documentationRoutes } from './routes/documentation.ts';
import { healthRoutes } from './routes/health.ts';
import { modelRoutes } from './routes/models.ts';
import { openaiRoutes } from './routes/openai.ts';
import { protocolRoutes } from './routes/protocol.ts';
import { serverControlRoutes } from './routes/server-control.ts';
import { taskRoutes } from './routes/tasks.ts';
import { TextRunner } from './text/runner.ts';
import { type TokenizerSources, Tokenizers } from './text/tokenizers.ts';
import type { RoutedClient } from './upstream/index.ts';

export interface ConchProxyOptions {
  /** The server behind the routes. It stays the caller's: closing the app does not close it. */
  readonly client: InferenceClient;
  /** Where the plugin logs; the app's own logger unless given. Never holds payloads. */
  readonly logger?: Logger;
  readonly limits?: Partial<ProxyLimits>;
  /** Models to offer; all that the server has unless told otherwise. */
  readonly models?: readonly string[];
  /** Class labels by model name, for servers that do not tell them. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  /** Whether a model's requests are shared out between its versions, or copied to another one: then none is answered otherwise. */
  readonly isRouted?: (model: string) => boolean;
  /** Keeps answers, within these bounds; none unless given. */
  readonly cache?: CacheLimits;
  /**
   * Milliseconds between two looks at what the server has; without it only requests cause looks, but with a cache,
   * whose default is 1,000.
   */
  readonly watchMs?: number;
  /** How texts reach encoders, and where their tokenizers lie. */
  readonly text?: TextOptions;
  /** Milliseconds that one inference request may take once its body is read; 30,000 unless told otherwise. */
  readonly timeoutMs?: number;
  /** Where requests are counted and timed. */
  readonly metrics?: ProxyMetrics;
  /** Gives requests spans, and passes their traces on to the server. */
  readonly tracer?: Tracer;
  /** Write what requests and answers hold to the log; default false. */
  readonly logPayloads?: boolean;
  /** The servers, where routes for those who run the proxy are wanted. */
  readonly admin?: RoutedClient;
  /** Whether the end has begun: readiness then says no. */
  readonly draining?: () => boolean;
  /** Called with the catalogue of models once it exists, e.g. to wait until it is ready. */
  readonly onCatalog?: (catalog: ModelCatalog) => void;
}

export interface TextOptions extends TokenizerSources {
  /** `auto` unless told otherwise. */
  readonly path?: TextPath;
}

/**
 * The proxy's routes as a Fastify plugin, for an app of one's own: health, one route for each model of the server,
 * `/openapi.json` and `/docs`, below the plugin's prefix. Models are found by themselves, at the start and when they
 * appear. Security headers, rate limits and request ids are the app's business; `createProxyApp` has them all.
 */
export const conchProxy: FastifyPluginAsync<ConchProxyOptions> = async (app, options) => {
  const { client, models, labels, timeoutMs = 30_000 } = options;
  const logger = options.logger ?? (app.log as Logger);
  const limits = resolveLimits(options.limits);
  const { text = {}, watchMs = options.cache && 1000 } = options;
  const cache = options.cache && new AnswerCache(options.cache);
  const tokenizers = new Tokenizers(text, client, logger);
  const catalog = new ModelCatalog({ client, logger, models, labels, tokenizers, textPath: text.path, watchMs });
  const combiner = new Combiner(client);
  const textRunner = new TextRunner(client);
  options.metrics?.countQueue(() => textRunner.waiting);
  const gate = new Gate(limits.concurrentRequests);
  const context: RouteContext = {
    client,
    combiner,
    textRunner,
    cache,
    isRouted: options.isRouted,
    gate,
    catalog,
    limits,
    timeoutMs,
    logger,
    notes: new WeakMap(),
    draining: options.draining ?? (() => false),
  };
  options.onCatalog?.(catalog);

  readJsonBodies(app);
  observe(app, context, options);
  if (options.logPayloads) logPayloads(app, logger);
  app.addHook('onReady', async () => catalog.start());
  app.addHook('onClose', async () => catalog.close());

  await collectSchemas(app);
  healthRoutes(app, context);
  modelRoutes(app, context);
  taskRoutes(app, context);
  await openaiRoutes(app, context);
  protocolRoutes(app, context);
  documentationRoutes(app, context);
  if (options.admin) {
    adminRoutes(app, context, options.admin);
    serverControlRoutes(app, context, options.admin);
  }
};
