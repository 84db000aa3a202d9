import type { Socket } from 'node:net';

/** Up to here what goes out is joined; copying is cheaper than more writes. */
const joinBelow = 65_536;

/** What a connection says: everything of one turn of the event loop goes out in one write. */
export class Output {
  readonly #socket: Socket;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Bytes on their way to the client. */
  get bytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(flush, this);
  }

  flush(): void {
    this.#isScheduled = false;
    const waiting = this.#waiting;
    if (this.#isClosed || waiting.length === 0) return;
    const size = this.#bytes;
    this.#waiting = [];
    this.#bytes = 0;
    if (waiting.length === 1) this.#socket.write(waiting[0]!);
    else if (size <= joinBelow) this.#socket.write(Buffer.concat(waiting, size));
    else {
      this.#socket.cork();
      for (const bytes of waiting) this.#socket.write(bytes);
      this.#socket.uncork();
    }
  }

  /** Nothing more goes out. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }
}

function flush(output: Output): void {
  output.flush();
}
