import { PendingRequest } from './request.ts';

interface Turn {
  /** Responses that came before the turn did. */
  readonly held: (() => void)[];
  settle: (() => void) | undefined;
}

/**
 * `preserve_ordering`: answers leave in the order in which the requests came in, whichever instance is done first. A
 * slow request holds back those after it; errors, timeouts and cancellations keep their turn too.
 */
export class ReleaseOrder {
  #turns: Turn[] = [];
  #next = 0;

  /** A stand-in for `pending`, whose outcome reaches it after those of all that took a turn before. */
  track(pending: PendingRequest): { readonly tracked: PendingRequest; readonly takeTurn: () => void } {
    const turn: Turn = { held: [], settle: undefined };
    const settle = (action: () => void): void => {
      turn.settle = action;
      this.#release();
    };
    const tracked = new PendingRequest(
      pending.request,
      pending.arrivedAt,
      (outcome) => settle(() => pending.succeed(outcome)),
      (error) => settle(() => pending.fail(error)),
      (event) => {
        if (this.#turns[this.#next] === turn) pending.respond(event);
        else turn.held.push(() => pending.respond(event));
      },
    );
    return { tracked, takeTurn: () => void this.#turns.push(turn) };
  }

  #release(): void {
    for (let turn = this.#turns[this.#next]; turn; turn = this.#turns[this.#next]) {
      for (const respond of turn.held.splice(0)) respond();
      if (!turn.settle) break;
      this.#next += 1;
      turn.settle();
    }
    if (this.#next > 1000 || this.#next === this.#turns.length) {
      this.#turns = this.#turns.slice(this.#next);
      this.#next = 0;
    }
  }
}
