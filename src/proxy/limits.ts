import { ConchError } from '../base/index.ts';

/**
 * What one client may ask of the proxy at once. A body beyond its limit is answered with 413, items and texts beyond theirs
 * with 400, a full house with 429.
 */
export interface ProxyLimits {
  /** Largest request body in bytes. */
  readonly bodyBytes: number;
  /** Most items (texts, rows) in one request. */
  readonly itemsPerRequest: number;
  /** Most characters (Unicode code points) in one text. */
  readonly charactersPerText: number;
  /** Inference requests in flight at the same time, over all clients. */
  readonly concurrentRequests: number;
}

export const defaultLimits: ProxyLimits = {
  bodyBytes: 1 << 20,
  itemsPerRequest: 256,
  charactersPerText: 20_000,
  concurrentRequests: 256,
};

/** The limits given over the defaults. @throws USAGE for one that is not a positive integer. */
export function resolveLimits(given: Partial<ProxyLimits> = {}): ProxyLimits {
  const limits = { ...defaultLimits, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new ConchError('USAGE', `limit ${name}: expected a positive integer, got ${value}`);
    }
  }
  return limits;
}
