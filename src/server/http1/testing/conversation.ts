import { BodyBudget } from '../budget.ts';
import type { Call } from '../call.ts';
import { Connection, type Host } from '../connection.ts';
import { type Answer, readAnswers } from './answers.ts';
import { TestSocket } from './socket.ts';

/** A connection with a test at both ends: bytes in, calls to answer, bytes out. */
export class Conversation implements Host {
  readonly socket = new TestSocket();
  readonly budget: BodyBudget;
  readonly headersTimeout = 1000;
  readonly requestTimeout = 5000;
  readonly idleTimeout = 60_000;
  isClosing = false;
  isForgotten = false;
  /** Calls in the order in which they came. */
  readonly calls: Call[] = [];
  readonly connection: Connection;
  private readonly handler: (call: Call) => void;

  constructor(handler: (call: Call) => void = () => {}, budgetBytes = 1e9) {
    this.handler = handler;
    this.budget = new BodyBudget(budgetBytes);
    this.connection = new Connection(this.socket.asSocket, this);
  }

  onRequest = (call: Call): void => {
    this.calls.push(call);
    this.handler(call);
  };

  forget(): void {
    this.isForgotten = true;
  }

  /** Lets bytes arrive, in as many pieces as there are arguments; resolves when what they set off is done. */
  async send(...pieces: (string | Uint8Array)[]): Promise<this> {
    for (const piece of pieces) {
      this.socket.emit('data', typeof piece === 'string' ? Buffer.from(piece, 'latin1') : Buffer.from(piece));
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
    }
    return this;
  }

  get output(): string {
    return this.socket.output.toString('latin1');
  }

  get answers(): Answer[] {
    return readAnswers(
      this.socket.output,
      this.calls.map((call) => call.method),
    );
  }

  /** Status and body of every answer so far. */
  get said(): string[] {
    return this.answers.map(({ status, body }) => `${status} ${body}`);
  }
}

/** Answers with what it got: method, target, body. */
export async function echo(call: Call): Promise<void> {
  try {
    const body = Buffer.from(await call.readBody(100_000));
    const text = `${call.method} ${call.url} ${body.toString('latin1')}`;
    call.start(200, ['Content-Length', Buffer.byteLength(text, 'latin1')]).end(Buffer.from(text, 'latin1'));
  } catch (error) {
    const text = (error as Error).message;
    call.start(400, ['Content-Length', text.length]).end(text);
  }
}
