import { type ContentCoding, joinBody } from '../../protocol/index.ts';
import { cancelled, late, maxReplyBytes, oversized, unreachable } from '../failures.ts';
import {
  compressFrom,
  type HttpCall,
  type HttpReply,
  type HttpStream,
  type HttpTransport,
  partsOf,
} from './transport.ts';

export interface FetchTransportOptions {
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestCompression?: ContentCoding | undefined;
}

/** HTTP by the platform's own `fetch`, which browsers, Deno and Bun have; connections and decompression are its affair. */
export class FetchTransport implements HttpTransport {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #options: FetchTransportOptions;
  readonly #closed = new AbortController();

  constructor(url: URL, options: FetchTransportOptions) {
    const { origin, headers } = partsOf(url);
    this.url = origin;
    this.#headers = { ...headers, ...options.headers };
    this.#options = options;
  }

  async send(call: HttpCall): Promise<HttpReply> {
    const watch = this.#watch(call);
    try {
      const response = await this.#fetch(call, watch.signal);
      const body = new Uint8Array(await response.arrayBuffer());
      if (body.length > maxReplyBytes) throw oversized(this.url);
      return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, body };
    } catch (error) {
      throw watch.explain(error);
    } finally {
      watch.end();
    }
  }

  async open(call: HttpCall): Promise<HttpStream> {
    const watch = this.#watch(call);
    let response: Response;
    try {
      response = await this.#fetch(call, watch.signal);
    } catch (error) {
      watch.end();
      throw watch.explain(error);
    }
    async function* chunks(): AsyncGenerator<Uint8Array> {
      // Not every browser can iterate over a stream.
      const reader = response.body?.getReader();
      let whole = false;
      try {
        for (;;) {
          const { done = true, value } = (await reader?.read()) ?? {};
          if (done) break;
          // A reader that takes its time is no silent server.
          watch.pause();
          yield value!;
          watch.resume();
        }
        whole = true;
      } catch (error) {
        throw watch.explain(error);
      } finally {
        watch.end();
        if (!whole) await reader?.cancel().catch(() => {});
      }
    }
    return { status: response.status, header: (name) => response.headers.get(name) ?? undefined, chunks: chunks() };
  }

  /** Calls under way fail. */
  close(): void {
    this.#closed.abort(new DOMException('the client was closed', 'AbortError'));
  }

  async #fetch(call: HttpCall, signal: AbortSignal): Promise<Response> {
    const { method, path, body, plain } = call;
    const headers: Record<string, string> = { ...this.#headers, ...call.headers };
    let bytes = body && joinBody(body);
    const coding = plain ? undefined : this.#options.requestCompression;
    if (bytes && coding && bytes.length >= compressFrom) {
      bytes = await pack(bytes, coding);
      headers['Content-Encoding'] = coding;
    }
    const init = { method, headers, signal, ...(bytes && { body: bytes as Uint8Array<ArrayBuffer> }) };
    return fetch(this.url + path, init);
  }

  /** Ends the exchange at the call's signal, its deadline, or the transport's end, and knows which it was. */
  #watch({ signal, timeoutMs = this.#options.timeoutMs }: HttpCall) {
    if (signal?.aborted) throw cancelled(signal);
    const silence = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const resume = () => {
      timer = setTimeout(() => silence.abort(), timeoutMs);
    };
    resume();
    const ends = [silence.signal, this.#closed.signal];
    return {
      signal: AbortSignal.any(signal ? [signal, ...ends] : ends),
      pause: () => clearTimeout(timer),
      resume,
      end: () => clearTimeout(timer),
      explain: (error: unknown): Error => {
        if (signal?.aborted) return cancelled(signal);
        if (silence.signal.aborted) return late(this.url, timeoutMs);
        if (!(error instanceof TypeError || error instanceof DOMException)) return error as Error;
        const { code } = (error.cause ?? {}) as { code?: string };
        return unreachable(
          this.url,
          `${error.message}${code ? ` (${code})` : ''}`,
          'check the address; from a page of another origin the server must also allow it (CORS)',
          error,
        );
      },
    };
  }
}

async function pack(bytes: Uint8Array, coding: ContentCoding): Promise<Uint8Array> {
  const plain = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  return new Uint8Array(await new Response(plain.pipeThrough(new CompressionStream(coding))).arrayBuffer());
}
