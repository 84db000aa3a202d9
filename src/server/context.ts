import type { Logger } from '../base/index.ts';
import type { Engine } from '../engine/index.ts';
import type { HeaderForwarding } from './http/forwarding.ts';
import type { RestrictedAccess } from './restricted.ts';
import type { LogSettings, TraceSettings } from './settings/index.ts';
import type { SharedMemoryRegistry } from './shared-memory/index.ts';
import type { Tracer } from './trace/index.ts';

/** What the front ends need of an engine: its public members. */
export type ServedEngine = { readonly [member in keyof Engine]: Engine[member] };

/**
 * Starting: sockets are open, models are loading. Finishing: the engine takes the rest of sequences that have begun, and
 * refuses everything else. Stopping: what is under way is finished, nothing new is taken.
 */
export type Phase = 'starting' | 'serving' | 'finishing' | 'stopping';

/** What every endpoint knows. One per server. */
export interface ServerContext {
  readonly engine: ServedEngine;
  phase: Phase;
  readonly id: string;
  readonly version: string;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly logSettings: LogSettings;
  readonly traceSettings: TraceSettings;
  readonly tracer: Tracer;
  readonly sharedMemory: SharedMemoryRegistry;
  readonly httpRestricted: RestrictedAccess;
  /** Headers that become request parameters; undefined: none. */
  readonly grpcForwarding: HeaderForwarding | undefined;
  readonly httpForwarding: HeaderForwarding | undefined;
}

export interface ServerLimits {
  /** Triton's --http-max-input-size: bounds JSON text, tensors decoded from it, raw and decompressed bodies. */
  readonly maxInputBytes: number;
  /** Bounds a body whole, its binary tensors included. */
  readonly maxRequestBytes: number;
}
