/** The end of an answer's head, and how its body ends. */
interface Head {
  readonly status: number;
  /** Where the body begins. */
  readonly end: number;
  /** Undefined: chunked, or up to the end of the connection. */
  readonly length: number | undefined;
  readonly chunked: boolean;
  readonly closes: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly closes: boolean;
  /** The start of the body of an answer that is no 200, for its words. */
  readonly words: string;
}

const mostWords = 400;

/**
 * Cuts the answers of one connection apart, which come one at a time, and keeps no body: what is measured is when an
 * answer is complete. `push` gives the answer once it is whole. Throws an Error for what is no HTTP/1.1.
 */
export class HttpAnswerReader {
  #head: Head | undefined;
  #held: Buffer | undefined;
  /** Bytes of the body, or of the chunk at hand, that are still to come. */
  #left = 0;
  #chunks: ChunkReader | undefined;
  #words: Buffer[] = [];

  /** Whether nothing of an answer has come yet. */
  get isIdle(): boolean {
    return this.#head === undefined && this.#held === undefined;
  }

  push(chunk: Buffer): HttpAnswer | undefined {
    if (this.#head === undefined) {
      const bytes = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
      const head = readHead(bytes);
      if (head === undefined) {
        if (bytes.length > 65_536) throw new Error('a head of more than 64 KiB');
        // The buffer that a socket reads into is used again.
        this.#held = Buffer.from(bytes);
        return undefined;
      }
      this.#held = undefined;
      if (head.status >= 100 && head.status < 200) return this.#again(bytes.subarray(head.end));
      this.#head = head;
      this.#left = head.length ?? 0;
      this.#chunks = head.chunked ? new ChunkReader() : undefined;
      return this.#body(bytes.subarray(head.end));
    }
    return this.#body(chunk);
  }

  /** The connection has ended: the answer, where that is how it ends. */
  end(): HttpAnswer | undefined {
    const head = this.#head;
    return head && head.length === undefined && !head.chunked ? this.#finish(head) : undefined;
  }

  #again(rest: Buffer): HttpAnswer | undefined {
    return rest.length > 0 ? this.push(rest) : undefined;
  }

  #body(bytes: Buffer): HttpAnswer | undefined {
    const head = this.#head!;
    if (head.status !== 200 && this.#words.length < 8) this.#words.push(Buffer.from(bytes.subarray(0, mostWords)));
    if (this.#chunks) return this.#chunks.push(bytes) ? this.#finish(head) : undefined;
    if (head.length === undefined) return undefined;
    this.#left -= bytes.length;
    return this.#left <= 0 ? this.#finish(head) : undefined;
  }

  #finish({ status, closes, length, chunked }: Head): HttpAnswer {
    const words = Buffer.concat(this.#words).toString('utf8').slice(0, mostWords);
    this.#head = undefined;
    this.#chunks = undefined;
    this.#words = [];
    return { status, closes: closes || (length === undefined && !chunked), words };
  }
}

function readHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (bytes.length >= 5 && bytes.toString('latin1', 0, 5) !== 'HTTP/') throw new Error('what answers speaks no HTTP');
  if (end < 0) return undefined;
  const text = bytes.toString('latin1', 0, end);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1]);
  if (!status) throw new Error('what answers speaks no HTTP/1.1');
  const chunked = /\r\ntransfer-encoding:[^\r]*chunked/i.test(text);
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  return {
    status,
    end: end + 4,
    length: status === 204 || status === 304 ? 0 : chunked || length === undefined ? undefined : Number(length),
    chunked,
    closes: /\r\nconnection: *close/i.test(text) || (text.startsWith('HTTP/1.0') && !/keep-alive/i.test(text)),
  };
}

/** Follows a chunked body to its end, trailers included. */
class ChunkReader {
  #line = '';
  #data = 0;
  #last = false;

  /** Whether the body is complete. */
  push(bytes: Buffer): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#data > 0) {
        const step = Math.min(this.#data, bytes.length - at);
        this.#data -= step;
        at += step;
        continue;
      }
      const end = bytes.indexOf(10, at);
      if (end < 0) {
        this.#line += bytes.toString('latin1', at);
        return false;
      }
      const line = (this.#line + bytes.toString('latin1', at, end)).trim();
      this.#line = '';
      at = end + 1;
      if (this.#last) {
        if (line === '') return true;
      } else if (line !== '') {
        const size = Number.parseInt(line, 16);
        if (!(size >= 0)) throw new Error('a chunk without a size');
        if (size === 0) this.#last = true;
        else this.#data = size + 2;
      }
    }
    return false;
  }
}
