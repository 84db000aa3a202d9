/**
 * How much may be tried again, over all calls: each repetition takes one from a stock of `reserve`, to which each call that
 * counts adds `ratio`. None is left when everything fails, so that nobody multiplies the load of a server that is down.
 */
export class RetryBudget {
  readonly #reserve: number;
  readonly #ratio: number;
  #stock: number;

  constructor({ reserve, ratio }: { readonly reserve: number; readonly ratio: number }) {
    this.#reserve = reserve;
    this.#ratio = ratio;
    this.#stock = reserve;
  }

  earn(): void {
    this.#stock = Math.min(this.#reserve, this.#stock + this.#ratio);
  }

  /** Takes a repetition out of the stock; false when there is none. */
  spend(): boolean {
    if (this.#stock < 1) return false;
    this.#stock -= 1;
    return true;
  }
}
