/**
 * What is wrong with the bytes of a connection, with the status that says so. What follows on the connection cannot be
 * trusted to be where it seems, so it is closed.
 */
export class Refusal {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string) {
    this.status = status;
    this.reason = reason;
  }
}

/** For everything that breaks RFC 9112's grammar: finer words would only help those who probe. */
export function notHttp(): Refusal {
  return new Refusal(400, 'the request is not valid HTTP');
}
