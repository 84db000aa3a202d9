import { arrivalTimes } from './arrivals.ts';
import type { ClosedLoad, OpenLoad } from './load.ts';
import type { LoadClock } from './load-clock.ts';

/** What became of a request: when it left, and undefined for an answer or the code of the failure. */
export type Done = (sentAt: number, failure: string | undefined) => void;

/** Sends requests of a prepared set. */
export interface Sender {
  /** Sends the request of that index (modulo the set's size) as soon as it can; `done` is called once. */
  send(index: number, done: Done): void;
  close(): void;
}

/** Takes one request's times (milliseconds of the clock) and its failure. */
export type Record = (intended: number, sent: number, done: number, failure: string | undefined) => void;

export interface LoopOptions {
  readonly sender: Sender;
  readonly clock: LoadClock;
  readonly record: Record;
  /** Which requests of the set this loop sends: `first`, `first + stride`, ... */
  readonly first: number;
  readonly stride: number;
  readonly rampMs: number;
}

export interface RunningLoop {
  /** Sends nothing more; resolves when all that was sent is answered or failed. */
  stop(): Promise<void>;
}

/** A connection that is refused at once would have a client ask thousands of times a second. */
const pauseAfterFailureMs = 20;

/** So many clients, each of which sends its next request when the one before is answered. */
export function closedLoop(load: ClosedLoad, options: LoopOptions): RunningLoop {
  const { sender, clock, record, first, stride, rampMs } = options;
  const begin = clock.now();
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  const waits = new Set<() => void>();
  let next = first;
  let stopped = false;
  let open = 0;

  const later = (time: number, action: () => void) => {
    const cancel = clock.at(time, () => {
      waits.delete(cancel);
      action();
    });
    waits.add(cancel);
  };
  const send = () => {
    const index = next;
    next += stride;
    open += 1;
    const intended = clock.now();
    sender.send(index, (sentAt, failure) => {
      const now = clock.now();
      open -= 1;
      record(intended, sentAt, now, failure);
      if (stopped) {
        if (open === 0) resolve();
      } else if (failure !== undefined) later(now + pauseAfterFailureMs, send);
      else send();
    });
  };
  for (let client = 0; client < load.concurrency; client++) {
    const at = begin + (rampMs * client) / load.concurrency;
    if (at <= begin) send();
    else later(at, send);
  }
  return {
    stop() {
      stopped = true;
      for (const cancel of waits) cancel();
      if (open === 0) resolve();
      return drained;
    },
  };
}

/**
 * Requests leave at times that are set before, whether or not the server keeps up: what it delays is counted from the
 * time at which a request was meant to leave, so that nothing is left out while it is slow (no coordinated omission).
 */
export function openLoop(load: OpenLoad, options: LoopOptions): RunningLoop {
  const { sender, clock, record, first, stride, rampMs } = options;
  const { rate, arrivals, seed, maxInFlight } = load;
  const begin = clock.now();
  const times = arrivalTimes({ rate, arrivals, rampMs, seed });
  const { promise: drained, resolve } = Promise.withResolvers<void>();
  let next = first;
  let stopped = false;
  let open = 0;
  let cancel = () => {};

  const send = (intended: number) => {
    const index = next;
    next += stride;
    if (open >= maxInFlight) {
      const now = clock.now();
      record(intended, now, now, 'NOT_SENT');
      return;
    }
    open += 1;
    sender.send(index, (sentAt, failure) => {
      open -= 1;
      record(intended, sentAt, clock.now(), failure);
      if (stopped && open === 0) resolve();
    });
  };
  let due = begin + times.next().value;
  const turn = () => {
    const now = clock.now();
    while (due <= now && !stopped) {
      send(due);
      due = begin + times.next().value;
    }
    if (!stopped) cancel = clock.at(due, turn);
  };
  cancel = clock.at(due, turn);
  return {
    stop() {
      stopped = true;
      cancel();
      if (open === 0) resolve();
      return drained;
    },
  };
}
