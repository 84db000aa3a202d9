/** Time as the load loops see it; tests turn it by hand. */
export interface LoadClock {
  /** Milliseconds from a start that all threads of one measurement share. */
  now(): number;
  /** Calls `action` once `time` has come; the answer takes it back. */
  at(time: number, action: () => void): () => void;
}

/**
 * The machine's monotonic clock, counted from `epoch` (of `process.hrtime.bigint`, which all threads share). The last
 * millisecond of a wait is spent turning on the event loop: `setTimeout` alone would send every request up to a
 * millisecond late, which is more than a small model takes.
 */
export function loadClock(epoch: bigint): LoadClock {
  const offset = Number(process.hrtime.bigint() - epoch) / 1e6 - performance.now();
  const now = () => performance.now() + offset;
  return {
    now,
    at(time, action) {
      let timer: NodeJS.Timeout | undefined;
      let turn: NodeJS.Immediate | undefined;
      const wait = (): void => {
        const left = time - now();
        if (left <= 0) action();
        else if (left < 1.5) turn = setImmediate(wait);
        else timer = setTimeout(wait, Math.min(left - 1, 2 ** 30));
      };
      wait();
      return () => {
        clearTimeout(timer);
        clearImmediate(turn);
      };
    },
  };
}
