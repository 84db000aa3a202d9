import type { ConchError } from '../base/index.ts';
import type { BackendEvent, BackendResponse, BatchRequest } from './backend.ts';

/** A request past admission: in the model's own shapes, and known to fit it. */
export interface AdmittedRequest extends BatchRequest {
  /** 0 for a model without a batch dimension. */
  readonly batchSize: number;
  /** Requests of different `likeness` cannot share a batch: their variable dimensions or optional inputs differ. */
  readonly likeness: string;
  /** Bytes of the inputs. */
  readonly bytes: number;
  /** As asked for, 0 when the request said nothing. */
  readonly priority: number;
  readonly timeoutMicroseconds: number;
  readonly signal: AbortSignal | undefined;
  /** Its sender has nothing else to ask just now: where it can run here and now it need not wait for company. */
  readonly atOnce?: boolean;
}

/** Nanoseconds that a request spent in each part of its way. */
export interface Durations {
  readonly queue: number;
  readonly computeInput: number;
  readonly computeInfer: number;
  readonly computeOutput: number;
}

/** How a request ended: the answer in the model's own shapes; without outputs for a decoupled model, which has spoken. */
export interface Outcome extends BackendResponse {
  readonly durations: Durations;
  /** The model's answer, where that is an error which counts as a success (BackendFacts). */
  readonly error?: ConchError;
}

/** A request on its way through a scheduler: settled exactly once. */
export class PendingRequest {
  readonly request: AdmittedRequest;
  /** When it came in, in the clock's milliseconds. */
  readonly arrivedAt: number;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reject: (error: ConchError) => void;
  readonly #onResponse: ((event: BackendEvent) => void) | undefined;
  readonly #onReschedule: (() => void) | undefined;
  #settled = false;

  constructor(
    request: AdmittedRequest,
    arrivedAt: number,
    resolve: (outcome: Outcome) => void,
    reject: (error: ConchError) => void,
    onResponse?: (event: BackendEvent) => void,
    onReschedule?: () => void,
  ) {
    this.request = request;
    this.arrivedAt = arrivedAt;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onResponse = onResponse;
    this.#onReschedule = onReschedule;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** Passes on one of several responses; the final one is to be followed by `succeed`. */
  respond(event: BackendEvent): void {
    if (!this.#settled) this.#onResponse?.(event);
  }

  /** The model wants to see the request again; false where nothing would bring it back. */
  reschedule(): boolean {
    if (this.#settled || !this.#onReschedule) return false;
    this.#settled = true;
    this.#onReschedule();
    return true;
  }

  succeed(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resolve(outcome);
  }

  fail(error: ConchError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#reject(error);
  }
}
