import type { BodyBudget } from '../http1/index.ts';
import type { CallStream } from './call.ts';
import type { Accepted } from './dispatch.ts';
import type { KeepalivePolicy } from './keepalive.ts';

/** What a transport needs of the server that it carries calls for. */
export interface TransportHost {
  readonly maxMessageBytes: number;
  readonly maxConcurrentStreams: number;
  /** Bytes that a client may send ahead on a call and on a connection. */
  readonly windowBytes: number;
  readonly maxHeaderBytes: number;
  readonly budget: BodyBudget;
  readonly keepalive: KeepalivePolicy;
  readonly isClosing: boolean;
  /** Begins to serve a call. */
  accept(stream: CallStream): Accepted;
  /** Counts a call that is served; to be told when it is done. */
  track(accepted: Accepted): () => void;
}

/** The connections of a transport. */
export interface Connections {
  /** Tells clients to go elsewhere; calls under way are finished. */
  drain(): void;
  /** Ends all connections at once. */
  destroy(): void;
}
