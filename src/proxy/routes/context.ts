import type { FastifyRequest } from 'fastify';
import type { Logger } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { Runners } from '../ask.ts';
import type { ModelCatalog } from '../catalog.ts';
import type { Gate } from '../gate.ts';
import type { ProxyLimits } from '../limits.ts';

/** What the routes of one proxy share. */
export interface RouteContext extends Runners {
  readonly client: InferenceClient;
  readonly catalog: ModelCatalog;
  readonly limits: ProxyLimits;
  readonly timeoutMs: number;
  /** Lets in as many inference requests as may be under way together. */
  readonly gate: Gate;
  readonly logger: Logger;
  /** What the log line of a request says beside its route and status. */
  readonly notes: WeakMap<FastifyRequest, RequestNote>;
  /** Whether the proxy is about to close. */
  readonly draining: () => boolean;
}

export interface RequestNote {
  readonly model?: string;
  readonly version?: string;
  readonly items?: number;
  /** Milliseconds that it waited for its turn, that its texts took to become tokens, that the server took. */
  readonly queueMs?: number;
  readonly tokenizeMs?: number;
  readonly inferMs?: number;
  /** The error's code, where the answer is one. */
  readonly code?: string;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Health routes answer whatever the load is, and their log lines are for debugging. */
    conchHealth?: boolean;
  }
}
