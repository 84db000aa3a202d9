import type { ConchError } from '../../base/index.ts';
import type { TritonClient } from '../triton-client.ts';
import type { Clock } from './clock.ts';
import { isPassing } from './retry.ts';

/** When a server of several is left out, and for how long. */
export interface BalanceOptions {
  /** Calls in a row that did not reach it; default 3. */
  readonly ejectAfter?: number;
  /** For how long at first, doubled each time in a row up to 30 s, before it is asked whether it is ready; default 1000. */
  readonly ejectMs?: number;
  /** Longest wait for that answer; default 2000. */
  readonly probeTimeoutMs?: number;
}

/** One of several servers, as the balancing sees it. */
export interface BalancedServer {
  readonly url: string;
  /** Its own client: for what concerns this server alone, as its statistics. */
  readonly client: TritonClient;
  /** Calls under way. */
  readonly inFlight: number;
  /** Whether it is left out for now. */
  readonly ejected: boolean;
}

const longestEjectionMs = 30_000;
/** How often, at most, a server that refuses is asked whether it is ready. */
const doubtIntervalMs = 1000;

class Server implements BalancedServer {
  readonly client: TritonClient;
  inFlight = 0;
  failures = 0;
  ejections = 0;
  /** When it may be asked again; undefined: in service. */
  until: number | undefined;
  probing = false;
  lastProbe = Number.NEGATIVE_INFINITY;

  constructor(client: TritonClient) {
    this.client = client;
  }
  get url(): string {
    return this.client.url;
  }
  get ejected(): boolean {
    return this.until !== undefined;
  }
}

/**
 * Which of several servers takes a call: of two chosen at random the one with fewer calls under way. A server that cannot
 * be reached several times in a row, or that refuses and then says it is not ready, is left out; once its time is over the
 * next call sets off a question whether it is ready, beside its own way. With all of them out, all are tried.
 */
export class Servers {
  readonly all: readonly BalancedServer[];
  readonly #servers: readonly Server[];
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #ejectAfter: number;
  readonly #ejectMs: number;
  readonly #probeTimeoutMs: number;
  readonly #closed = new AbortController();

  constructor(clients: readonly TritonClient[], options: BalanceOptions, clock: Clock, random: () => number) {
    this.#servers = clients.map((client) => new Server(client));
    this.all = this.#servers;
    this.#clock = clock;
    this.#random = random;
    this.#ejectAfter = options.ejectAfter ?? 3;
    this.#ejectMs = options.ejectMs ?? 1000;
    this.#probeTimeoutMs = options.probeTimeoutMs ?? 2000;
  }

  /** A server for a call, if possible none of `tried`. */
  pick(tried: ReadonlySet<BalancedServer>): BalancedServer {
    const servers = this.#servers;
    if (servers.length === 1) return servers[0]!;
    const now = this.#clock.now();
    for (const server of servers) if (server.until !== undefined && server.until <= now) this.#probe(server);
    const choices = [
      servers.filter((server) => !server.ejected && !tried.has(server)),
      servers.filter((server) => !tried.has(server)),
      servers.filter((server) => !server.ejected),
      servers,
    ].find((list) => list.length > 0)!;
    const first = Math.floor(this.#random() * choices.length);
    if (choices.length === 1) return choices[0]!;
    // The second is another one.
    const second = (first + 1 + Math.floor(this.#random() * (choices.length - 1))) % choices.length;
    const [a, b] = [choices[first]!, choices[second]!];
    return b.inFlight < a.inFlight ? b : a;
  }

  /** Whether a call that failed could go to a healthy server that it has not tried. */
  hasFresh(tried: ReadonlySet<BalancedServer>): boolean {
    return this.#servers.some((server) => !server.ejected && !tried.has(server));
  }

  /** A call begins; what it gives is told how the call ended, exactly once. */
  begin(chosen: BalancedServer): (failure: ConchError | undefined) => void {
    const server = chosen as Server;
    server.inFlight += 1;
    return (failure) => {
      server.inFlight -= 1;
      if (failure === undefined || !isPassing(failure)) {
        // Also an error is an answer; but a cancelled call says nothing.
        if (failure?.code !== 'REQUEST_CANCELLED' && failure?.code !== 'DEADLINE_EXCEEDED') this.#answered(server);
      } else if (failure.code === 'SERVER_UNREACHABLE') {
        server.failures += 1;
        if (server.failures >= this.#ejectAfter && !server.ejected) this.#eject(server);
      } else if (failure.retryAfterMs === undefined) this.#doubt(server);
    };
  }

  close(): void {
    this.#closed.abort();
  }

  #answered(server: Server): void {
    server.failures = 0;
    // Calls that were on their way when it was ejected do not bring it back; a probe does.
    if (!server.ejected) server.ejections = 0;
  }

  #eject(server: Server): void {
    const wait = Math.min(longestEjectionMs, this.#ejectMs * 2 ** server.ejections);
    server.ejections += 1;
    server.until = this.#clock.now() + wait;
  }

  /** It refused: one model's full queue, or the whole server on its way down? */
  #doubt(server: Server): void {
    if (server.ejected || this.#clock.now() - server.lastProbe < doubtIntervalMs) return;
    this.#probe(server);
  }

  #probe(server: Server): void {
    if (server.probing || this.#servers.length === 1) return;
    server.probing = true;
    server.lastProbe = this.#clock.now();
    const deadline = new AbortController();
    const signal = AbortSignal.any([this.#closed.signal, deadline.signal]);
    const timer = setTimeout(() => deadline.abort(), this.#probeTimeoutMs);
    server.client
      .isReady(signal)
      .catch(() => false)
      .then((ready) => {
        clearTimeout(timer);
        server.probing = false;
        if (!ready) {
          this.#eject(server);
          return;
        }
        server.until = undefined;
        server.failures = 0;
      });
  }
}
