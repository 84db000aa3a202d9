/** Triton's --grpc-keepalive-... options and those on the age of connections; milliseconds. */
export interface KeepaliveOptions {
  /** A connection on which nothing came for so long is asked whether it is alive; default 7,200,000. */
  readonly timeMs?: number;
  /** Without an answer for so long it is closed; default 20,000. */
  readonly timeoutMs?: number;
  /** Ask also while no call is open; default false. */
  readonly permitWithoutCalls?: boolean;
  /** Pings of the client that come faster than this, with no data between, are strikes; default 300,000. */
  readonly minPingIntervalMs?: number;
  /** With more strikes the connection is closed; 0: never; default 2. */
  readonly maxPingStrikes?: number;
  /** A connection older than this is told to go; 0: never; default 0. */
  readonly maxConnectionAgeMs?: number;
  /** How long its calls may then still take; 0: no limit; default 0. */
  readonly maxConnectionAgeGraceMs?: number;
}

export type KeepalivePolicy = Required<KeepaliveOptions>;

export function keepalivePolicy(options: KeepaliveOptions = {}): KeepalivePolicy {
  return {
    timeMs: options.timeMs ?? 7_200_000,
    timeoutMs: options.timeoutMs ?? 20_000,
    permitWithoutCalls: options.permitWithoutCalls ?? false,
    minPingIntervalMs: options.minPingIntervalMs ?? 300_000,
    maxPingStrikes: options.maxPingStrikes ?? 2,
    maxConnectionAgeMs: options.maxConnectionAgeMs ?? 0,
    maxConnectionAgeGraceMs: options.maxConnectionAgeGraceMs ?? 0,
  };
}

/** What a keepalive asks of a connection. */
export interface KeptConnection {
  ping(): void;
  openCalls(): number;
  /** Tells the client to go elsewhere; calls under way are finished. */
  goAway(code: 'none' | 'enhanceYourCalm', reason: string): void;
  destroy(): void;
}

/** Whether a connection is alive, behaves and is not too old. */
export class Keepalive {
  readonly #policy: KeepalivePolicy;
  readonly #connection: KeptConnection;
  readonly #timers = new Set<NodeJS.Timeout>();
  #heardAt: number;
  #pingedAt: number | undefined;
  #lastPing = Number.NEGATIVE_INFINITY;
  #strikes = 0;

  constructor(connection: KeptConnection, policy: KeepalivePolicy) {
    this.#policy = policy;
    this.#connection = connection;
    this.#heardAt = performance.now();
    this.#watch(policy.timeMs);
    if (policy.maxConnectionAgeMs > 0) this.#after(policy.maxConnectionAgeMs, () => this.#retire());
  }

  /** Bytes have come. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#pingedAt = undefined;
  }

  /** Data or headers went out: the client may ask again how we are. */
  spoke(): void {
    this.#strikes = 0;
    this.#lastPing = Number.NEGATIVE_INFINITY;
  }

  /** The client has pinged. */
  pinged(): void {
    const { maxPingStrikes, minPingIntervalMs } = this.#policy;
    const now = performance.now();
    // Without calls only a ping in two hours is asked for, as in gRPC.
    const interval = this.#connection.openCalls() > 0 ? minPingIntervalMs : Math.max(minPingIntervalMs, 7_200_000);
    if (now - this.#lastPing < interval) this.#strikes += 1;
    this.#lastPing = now;
    if (maxPingStrikes > 0 && this.#strikes > maxPingStrikes) {
      this.#connection.goAway('enhanceYourCalm', 'too_many_pings');
      this.#connection.destroy();
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #watch(milliseconds: number): void {
    this.#after(milliseconds, () => {
      const { timeMs, timeoutMs, permitWithoutCalls } = this.#policy;
      const now = performance.now();
      if (this.#pingedAt !== undefined) {
        if (now - this.#pingedAt >= timeoutMs) this.#connection.destroy();
        else this.#watch(timeoutMs - (now - this.#pingedAt));
        return;
      }
      const silent = now - this.#heardAt;
      if (silent < timeMs) this.#watch(timeMs - silent);
      else if (this.#connection.openCalls() === 0 && !permitWithoutCalls) this.#watch(timeMs);
      else {
        this.#pingedAt = now;
        this.#connection.ping();
        this.#watch(timeoutMs);
      }
    });
  }

  #retire(): void {
    const { maxConnectionAgeGraceMs } = this.#policy;
    this.#connection.goAway('none', 'max_age');
    if (maxConnectionAgeGraceMs > 0) this.#after(maxConnectionAgeGraceMs, () => this.#connection.destroy());
  }

  #after(milliseconds: number, run: () => void): void {
    if (milliseconds >= 2 ** 31) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        run();
      },
      Math.max(1, milliseconds),
    );
    timer.unref();
    this.#timers.add(timer);
  }
}
