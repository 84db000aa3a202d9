import http from 'node:http';
import net from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  readonly agent?: http.Agent;
}

/** One HTTP request that adds no headers of its own beyond Host, Connection and the body's length. */
export function call(url: string, options: CallOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, headers = {}, agent } = options;
    const method = options.method ?? (body === undefined ? 'GET' : 'POST');
    const request = http.request(url, { method, headers, ...(agent && { agent }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode!, headers: response.headers, bytes, text: bytes.toString() });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** A TCP connection that sends what a test wants, well formed or not, and keeps what comes back. */
export class RawConnection {
  readonly socket: net.Socket;
  private received = '';
  private ended = false;
  private watchers: (() => void)[] = [];

  constructor(port: number) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    const notice = () => {
      for (const watch of this.watchers.splice(0)) watch();
    };
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      notice();
    });
    for (const event of ['end', 'error', 'close']) {
      this.socket.on(event, () => {
        this.ended = true;
        notice();
      });
    }
  }

  send(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** What came, once it contains `text` as often as wanted. Fails when the connection ends before. */
  async until(text: string, times = 1): Promise<string> {
    while (this.received.split(text).length - 1 < times) {
      if (this.ended) throw new Error(`the connection ended with ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => this.watchers.push(resolve));
    }
    return this.received;
  }

  /** All that came, once the other side has hung up. */
  async untilEnd(): Promise<string> {
    while (!this.ended) await new Promise<void>((resolve) => this.watchers.push(resolve));
    return this.received;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
