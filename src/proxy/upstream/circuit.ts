export interface CircuitOptions {
  /** Failures in a row after which a server is left out; default 5. */
  readonly consecutiveFailures?: number;
  /** Share of failures within the last ten seconds that has the same effect; default 0.5. */
  readonly failureRate?: number;
  /** Requests within that time below which the share says nothing; default 20. */
  readonly minRequests?: number;
  /** Milliseconds that a server is left out the first time; each time in a row doubles it, up to 30 s. Default 1,000. */
  readonly ejectMs?: number;
  readonly now?: () => number;
}

/** Why a request failed on a server: it could not be had at all, or answered that it failed. */
export type Fault = 'unreachable' | 'failing';

const slots = 10;
const slotMs = 1000;
const longestMs = 30_000;

/**
 * Whether a server takes part. Closed: it does. Open: it is left out, until a time has passed. Half-open: one request
 * tries it, and decides.
 */
export class Circuit {
  readonly #options: Required<CircuitOptions>;
  readonly #recent: { second: number; all: number; failed: number }[] = [];
  #inARow = 0;
  #openUntil = 0;
  #fault: Fault | undefined;
  #times = 0;
  #trying = false;
  /** How often the circuit has opened. */
  opened = 0;

  constructor(options: CircuitOptions = {}) {
    this.#options = {
      consecutiveFailures: options.consecutiveFailures ?? 5,
      failureRate: options.failureRate ?? 0.5,
      minRequests: options.minRequests ?? 20,
      ejectMs: options.ejectMs ?? 1000,
      now: options.now ?? (() => performance.now()),
    };
  }

  /** Why the server is left out, where it is. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#fault === undefined) return 'closed';
    return this.#options.now() < this.#openUntil ? 'open' : 'half-open';
  }

  /** Whether a request may be sent now. */
  get allows(): boolean {
    const { state } = this;
    return state === 'closed' || (state === 'half-open' && !this.#trying);
  }

  /** Milliseconds until a request may try the server again. */
  get waitMs(): number {
    return this.#fault === undefined ? 0 : Math.max(0, this.#openUntil - this.#options.now());
  }

  /** A request is being sent; what becomes of it must be told by exactly one of the methods that follow. */
  sent(): void {
    if (this.#fault !== undefined) this.#trying = true;
  }

  /** The request said nothing about the server, e.g. because its client went away. */
  abandoned(): void {
    this.#trying = false;
  }

  succeeded(): void {
    this.#count(false);
    this.#inARow = 0;
    if (this.#fault !== undefined && this.#trying) this.#close();
    this.#trying = false;
  }

  /** `spare`: the server may not be left out for failing, since no other would take its requests. */
  failed(fault: Fault, spare = false): void {
    this.#count(true);
    this.#inARow++;
    const tried = this.#trying;
    this.#trying = false;
    if (tried) {
      if (spare && fault === 'failing') this.#close();
      else this.#open(fault);
      return;
    }
    // Requests that were under way when the circuit opened say nothing new.
    if (this.#fault !== undefined) return;
    const { consecutiveFailures } = this.#options;
    const out = this.#inARow >= consecutiveFailures || (fault === 'failing' && this.#failsOften());
    if (out && !(spare && fault === 'failing')) this.#open(fault);
  }

  /** The server has been asked apart from requests and is there: what could not be reached can be again. */
  reachable(): void {
    if (this.#fault === 'unreachable') this.#close();
  }

  #open(fault: Fault): void {
    this.#fault = fault;
    this.opened++;
    this.#openUntil = this.#options.now() + Math.min(longestMs, this.#options.ejectMs * 2 ** this.#times);
    this.#times = Math.min(this.#times + 1, 10);
  }

  #close(): void {
    this.#fault = undefined;
    this.#trying = false;
    this.#inARow = 0;
    this.#times = 0;
    this.#recent.length = 0;
  }

  #count(failed: boolean): void {
    const second = Math.floor(this.#options.now() / slotMs);
    let last = this.#recent.at(-1);
    if (last?.second !== second) {
      last = { second, all: 0, failed: 0 };
      this.#recent.push(last);
      while (this.#recent[0]!.second <= second - slots) this.#recent.shift();
    }
    last.all++;
    if (failed) last.failed++;
  }

  #failsOften(): boolean {
    const all = this.#recent.reduce((sum, slot) => sum + slot.all, 0);
    const failed = this.#recent.reduce((sum, slot) => sum + slot.failed, 0);
    return all >= this.#options.minRequests && failed / all >= this.#options.failureRate;
  }
}
