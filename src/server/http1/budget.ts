import { ConchError } from '../../base/index.ts';

/** Bytes of request bodies that all connections together may hold in memory. */
export class BodyBudget {
  readonly limit: number;
  private used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): number {
    return this.used;
  }

  /** Throws QUEUE_FULL when nothing of that size fits any more. */
  take(bytes: number): void {
    if (this.used + bytes > this.limit) {
      throw new ConchError(
        'QUEUE_FULL',
        `the bodies of requests under way take ${this.used} bytes already, the server holds at most ${this.limit}`,
        { fix: 'send it again later' },
      );
    }
    this.used += bytes;
  }

  giveBack(bytes: number): void {
    this.used -= bytes;
  }
}
