/** Time as schedulers see it; tests pass one that they turn by hand. */
export interface Clock {
  /** Milliseconds from an arbitrary start, with fractions; never goes back. */
  now(): number;
  /** Runs `action` once `ms` have passed; the answer takes it back. */
  after(ms: number, action: () => void): () => void;
  /** Runs `action` when the event loop has handled the I/O that is at hand. */
  soon(action: () => void): void;
}

const longestTimer = 2 ** 31 - 1;

/**
 * The process's own time. Waits under a millisecond, which `setTimeout` cannot do, are turned on the event loop: a
 * batcher's delay of 200 microseconds would otherwise cost every lone request five times that.
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  soon: (action) => void setImmediate(action),
  after(ms, action) {
    const due = performance.now() + ms;
    let timer: NodeJS.Timeout | undefined;
    let turn: NodeJS.Immediate | undefined;
    const wait = (): void => {
      const left = due - performance.now();
      if (left <= 0) action();
      else if (left < 1) turn = setImmediate(wait);
      else timer = setTimeout(wait, Math.min(left, longestTimer));
    };
    wait();
    return () => {
      clearTimeout(timer);
      clearImmediate(turn);
    };
  },
};
