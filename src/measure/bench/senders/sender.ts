/** What the senders over a network need. */
export interface SenderOptions {
  /** `http://host:port`, `https://`, `grpc://`, `grpcs://`; a path is a prefix that stands in the messages already. */
  readonly url: string;
  /** Whole requests as they go over the wire: of HTTP with their head, of gRPC the framed message. */
  readonly messages: readonly Uint8Array[];
  /** Of gRPC, where headers and message are apart. */
  readonly headers: Readonly<Record<string, string>>;
  /** Connections at most. */
  readonly connections: number;
  readonly timeoutMs: number;
  readonly now: () => number;
  /** Told the server's words to a failure; the first of each kind is kept. */
  readonly explain: (failure: string, words: string) => void;
}
