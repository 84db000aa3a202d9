const share = 0.2;
const most = 100;

/**
 * How much may be tried again: a fifth of the requests over time, and a hundred at once. Servers that are failing from
 * overload would otherwise get every request several times.
 */
export class RetryBudget {
  #tokens = most;

  earn(): void {
    this.#tokens = Math.min(most, this.#tokens + share);
  }

  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
