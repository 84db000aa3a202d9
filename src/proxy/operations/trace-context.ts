import { randomBytes } from 'node:crypto';

/** Where a span stands: W3C Trace Context's `traceparent`, taken apart. */
export interface TraceContext {
  /** 32 and 16 hex digits, in lower case, not all zero. */
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** What other tracing systems pass along, as it came. */
  readonly traceState?: string | undefined;
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const longestState = 512;

/** Reads the headers `traceparent` and `tracestate`; undefined for what does not follow the recommendation. */
export function readTraceContext(parent: unknown, state: unknown): TraceContext | undefined {
  if (typeof parent !== 'string') return undefined;
  const [, version, traceId, spanId, flags, more] = pattern.exec(parent) ?? [];
  if (traceId === undefined || spanId === undefined || version === 'ff') return undefined;
  // Later versions may say more; the first says exactly this.
  if (version === '00' && more !== undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const sampled = (Number.parseInt(flags!, 16) & 1) === 1;
  const usable =
    typeof state === 'string' && state !== '' && state.length <= longestState && /^[\x20-\x7e]*$/.test(state);
  return { traceId, spanId, sampled, ...(usable && { traceState: state }) };
}

/** The headers that tell a server where its spans belong. */
export function traceHeaders({ traceId, spanId, sampled, traceState }: TraceContext): Record<string, string> {
  const traceparent = `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
  return { traceparent, ...(traceState !== undefined && { tracestate: traceState }) };
}

export function newTraceId(): string {
  return randomBytes(16).toString('hex');
}

export function newSpanId(): string {
  return randomBytes(8).toString('hex');
}
