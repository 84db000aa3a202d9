import { ConchError } from '../base/index.ts';
import type { Clock } from './clock.ts';
import type { PendingRequest } from './request.ts';

/** A level's ModelQueuePolicy, in milliseconds and without absent fields. */
export interface QueuePolicy {
  /** 0: none, and then a request cannot bring its own either. */
  readonly timeoutMs: number;
  /** REJECT answers an expired request; DELAY moves it behind all unexpired ones of its level. */
  readonly onTimeout: 'REJECT' | 'DELAY';
  /** Whether a request may shorten the timeout. */
  readonly allowOverride: boolean;
  /** Requests that may wait at this level; 0: as many as the whole queue holds. */
  readonly maxSize: number;
}

export interface QueueOptions {
  readonly model: string;
  /** Priority levels, at least 1; level 1 is served first. */
  readonly levels: number;
  /** Level of requests that ask for none or one that does not exist. */
  readonly defaultLevel: number;
  readonly policy: (level: number) => QueuePolicy;
  /** Bounds of all levels together. */
  readonly maxSize: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Something left the queue other than by `take`. */
  readonly onLeave: () => void;
}

/** A place in the queue: a node of a doubly linked list, so that a cancelled request leaves at once. */
interface Place {
  readonly pending: PendingRequest;
  readonly level: Level;
  readonly leaveAtAbort: (() => void) | undefined;
  lane: Lane;
  previous: Place | undefined;
  next: Place | undefined;
  /** When it expires, in the clock's milliseconds; Infinity once delayed or without a timeout. */
  deadline: number;
  stopTimer: (() => void) | undefined;
}

class Lane {
  first: Place | undefined;
  last: Place | undefined;

  append(place: Place): void {
    place.lane = this;
    place.previous = this.last;
    place.next = undefined;
    if (this.last) this.last.next = place;
    else this.first = place;
    this.last = place;
  }

  remove(place: Place): void {
    if (place.previous) place.previous.next = place.next;
    else this.first = place.next;
    if (place.next) place.next.previous = place.previous;
    else this.last = place.previous;
    place.previous = undefined;
    place.next = undefined;
  }
}

interface Level {
  readonly priority: number;
  readonly policy: QueuePolicy;
  readonly waiting: Lane;
  /** Expired requests under the DELAY action: served after `waiting`, never expiring again. */
  readonly delayed: Lane;
  size: number;
}

/**
 * Requests in the order in which they are to be served: by level, at each level unexpired before delayed, each in order
 * of arrival. It owns timeouts and cancellation; whoever leaves that way is settled here.
 */
export class RequestQueue {
  readonly #options: QueueOptions;
  /** Those that have been used, by priority: a config may declare any number. */
  readonly #levels: Level[] = [];
  #size = 0;
  #bytes = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a request at the end of its level; throws QUEUE_FULL, and REQUEST_CANCELLED when its client has already gone. */
  push(pending: PendingRequest): void {
    const { request } = pending;
    const { clock, model, maxSize, maxBytes } = this.#options;
    if (request.signal?.aborted) throw cancelled(model);
    const level = this.#levelOf(request.priority);
    const limit = level.policy.maxSize || maxSize;
    const count = level.policy.maxSize ? level.size : this.#size;
    if (count >= limit) {
      throw new ConchError('QUEUE_FULL', `model '${model}': ${count} requests wait already, its queue takes ${limit}`, {
        fix: 'send it again later, send fewer at a time, or raise max_queue_size',
      });
    }
    if (this.#bytes + request.bytes > maxBytes && this.#size > 0) {
      throw new ConchError(
        'QUEUE_FULL',
        `model '${model}': the inputs of waiting requests take ${this.#bytes} bytes already, ${request.bytes} more exceed the limit of ${maxBytes}`,
        { fix: 'send it again later or send fewer at a time' },
      );
    }
    const { timeoutMs, allowOverride } = level.policy;
    const own = request.timeoutMicroseconds / 1000;
    const timeout = allowOverride && own > 0 && own < timeoutMs ? own : timeoutMs;
    const place: Place = {
      pending,
      level,
      leaveAtAbort: request.signal && (() => this.#leave(place, () => pending.fail(cancelled(model)))),
      lane: level.waiting,
      previous: undefined,
      next: undefined,
      deadline: timeout > 0 ? pending.arrivedAt + timeout : Number.POSITIVE_INFINITY,
      stopTimer: undefined,
    };
    level.waiting.append(place);
    level.size += 1;
    this.#size += 1;
    this.#bytes += request.bytes;
    if (place.leaveAtAbort) request.signal!.addEventListener('abort', place.leaveAtAbort, { once: true });
    if (timeout > 0) place.stopTimer = clock.after(timeout, () => this.#expire(place));
  }

  /** The requests in order of service. Those whose time is up are dealt with on the way. */
  *[Symbol.iterator](): Generator<PendingRequest, void> {
    for (const lane of this.lanes()) yield* lane;
  }

  *#walk(lane: Lane): Generator<PendingRequest, void> {
    const now = this.#options.clock.now();
    let place = lane.first;
    while (place) {
      const next: Place | undefined = place.next;
      if (place.deadline <= now) this.#expire(place);
      else yield place.pending;
      place = next;
    }
  }

  /**
   * The requests in groups whose order among themselves is fixed: a level's unexpired ones, then its delayed ones. Those
   * whose time is up are dealt with on the way.
   */
  *lanes(): Generator<Generator<PendingRequest, void>, void> {
    for (const level of this.#levels) for (const lane of [level.waiting, level.delayed]) yield this.#walk(lane);
  }

  /** Removes these requests, which must all wait; returns them in order of service. */
  takeEach(chosen: ReadonlySet<PendingRequest>): PendingRequest[] {
    const taken: PendingRequest[] = [];
    for (const level of this.#levels) {
      for (const lane of [level.waiting, level.delayed]) {
        for (let place = lane.first; place && taken.length < chosen.size; ) {
          const next = place.next;
          if (chosen.has(place.pending)) {
            taken.push(place.pending);
            this.#unlink(place);
          }
          place = next;
        }
      }
    }
    return taken;
  }

  /** Removes the first `count` requests in order of service; they are the caller's to settle. */
  take(count: number): PendingRequest[] {
    const taken: PendingRequest[] = [];
    for (const level of this.#levels) {
      for (const lane of [level.waiting, level.delayed]) {
        while (lane.first && taken.length < count) {
          taken.push(lane.first.pending);
          this.#unlink(lane.first);
        }
      }
    }
    return taken;
  }

  /** Fails all that wait. */
  clear(error: ConchError): void {
    for (const pending of this.take(this.#size)) pending.fail(error);
  }

  #levelOf(asked: number): Level {
    const { levels, defaultLevel, policy } = this.#options;
    const priority = Number.isInteger(asked) && asked >= 1 && asked <= levels ? asked : defaultLevel;
    const found = this.#levels.find((level) => level.priority === priority);
    if (found) return found;
    const level: Level = { priority, policy: policy(priority), waiting: new Lane(), delayed: new Lane(), size: 0 };
    const behind = this.#levels.findIndex((other) => other.priority > priority);
    this.#levels.splice(behind < 0 ? this.#levels.length : behind, 0, level);
    return level;
  }

  #expire(place: Place): void {
    if (place.level.policy.onTimeout === 'DELAY') {
      place.stopTimer?.();
      place.stopTimer = undefined;
      place.deadline = Number.POSITIVE_INFINITY;
      place.lane.remove(place);
      place.level.delayed.append(place);
      return;
    }
    const waited = this.#options.clock.now() - place.pending.arrivedAt;
    const error = new ConchError(
      'QUEUE_TIMEOUT',
      `model '${this.#options.model}': the request waited ${waited.toFixed(1)} ms for an instance, longer than its queue policy allows`,
    );
    this.#leave(place, () => place.pending.fail(error));
  }

  #leave(place: Place, settle: () => void): void {
    this.#unlink(place);
    settle();
    this.#options.onLeave();
  }

  #unlink(place: Place): void {
    place.lane.remove(place);
    place.level.size -= 1;
    this.#size -= 1;
    this.#bytes -= place.pending.request.bytes;
    place.stopTimer?.();
    if (place.leaveAtAbort) place.pending.request.signal!.removeEventListener('abort', place.leaveAtAbort);
  }
}

function cancelled(model: string): ConchError {
  return new ConchError('REQUEST_CANCELLED', `model '${model}': the request was cancelled while it waited`);
}
