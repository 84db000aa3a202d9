import type { Arrivals } from './arrivals.ts';

/** So many clients at once, each waiting for its answer. */
export interface ClosedLoad {
  readonly kind: 'closed';
  readonly concurrency: number;
}

/** So many requests a second, whatever the answers. */
export interface OpenLoad {
  readonly kind: 'open';
  readonly rate: number;
  readonly arrivals: Arrivals;
  readonly seed: number;
  /** Requests beyond so many unanswered are not sent, and counted as NOT_SENT. */
  readonly maxInFlight: number;
}

export type Load = ClosedLoad | OpenLoad;

/** `8 clients`, `100/s poisson`. */
export function describeLoad(load: Load): string {
  if (load.kind === 'closed') return load.concurrency === 1 ? '1 client' : `${load.concurrency} clients`;
  return `${load.rate}/s ${load.arrivals}`;
}

/** The part of a load that the `index`-th of `count` threads takes; undefined where there is none for it. */
export function shareOf(load: Load, index: number, count: number): Load | undefined {
  if (load.kind === 'closed') {
    const concurrency = Math.floor(load.concurrency / count) + (index < load.concurrency % count ? 1 : 0);
    return concurrency > 0 ? { kind: 'closed', concurrency } : undefined;
  }
  // The sum of independent Poisson processes is one of the summed rate.
  return {
    ...load,
    rate: load.rate / count,
    seed: load.seed + index * 7919,
    maxInFlight: Math.ceil(load.maxInFlight / count),
  };
}
