/** What a call came to. */
export interface GrpcStatus {
  /** Number of the gRPC status code. */
  readonly status: number;
  readonly details: string;
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfterMs: number | undefined;
}

export interface GrpcReply extends GrpcStatus {
  /** Absent unless the status is 0. */
  readonly message: Uint8Array | undefined;
}

export interface GrpcCall {
  /** `/package.Service/Method` */
  readonly path: string;
  /** The message, as parts that follow each other. */
  readonly parts: readonly Uint8Array[];
  readonly signal?: AbortSignal | undefined;
  /** In place of the channel's own; milliseconds. */
  readonly timeoutMs?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
