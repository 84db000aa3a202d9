import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

export interface DrainOptions {
  /** Milliseconds that readiness says no before the port closes, for balancers to notice. */
  readonly delayMs: number;
  /** Milliseconds that requests in flight then get to finish. */
  readonly drainMs: number;
}

/** Stops an app with no request lost: first it says that it is not ready, then it takes no more, then it waits. */
export class Drain {
  readonly #options: DrainOptions;
  #draining = false;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Whether the end has begun; readiness says no. */
  get draining(): boolean {
    return this.#draining;
  }

  async end(app: FastifyInstance): Promise<void> {
    const { delayMs, drainMs } = this.#options;
    this.#draining = true;
    if (delayMs > 0) await sleep(delayMs);
    const timer = setTimeout(() => app.server.closeAllConnections(), drainMs);
    try {
      await app.close();
    } finally {
      clearTimeout(timer);
    }
  }
}
