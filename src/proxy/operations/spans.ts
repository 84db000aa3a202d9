import { AsyncLocalStorage } from 'node:async_hooks';
import { newSpanId, newTraceId, readTraceContext, type TraceContext, traceHeaders } from './trace-context.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A span that has ended. Times are nanoseconds since the epoch. */
export interface EndedSpan {
  readonly context: TraceContext;
  readonly parentId: string | undefined;
  readonly name: string;
  /** `server`: a request that came in; `client`: one that went out. */
  readonly kind: 'server' | 'client';
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: SpanAttributes;
  readonly failed: boolean;
}

export interface TracerOptions {
  /** Share of the requests that begin a trace which is recorded; those that continue one do as it does. Default 1. */
  readonly share?: number;
  /** Where ended spans go; nowhere unless given: then traces are only passed on. */
  readonly onEnd?: (span: EndedSpan) => void;
}

/** A span under way. */
export class Span {
  readonly context: TraceContext;
  readonly #parentId: string | undefined;
  readonly #kind: EndedSpan['kind'];
  readonly #onEnd: TracerOptions['onEnd'];
  readonly #startNs = nowNs();
  #name: string;
  #ended = false;

  constructor(
    name: string,
    kind: EndedSpan['kind'],
    context: TraceContext,
    parentId: string | undefined,
    onEnd: TracerOptions['onEnd'],
  ) {
    this.#name = name;
    this.#kind = kind;
    this.context = context;
    this.#parentId = parentId;
    this.#onEnd = onEnd;
  }

  /** A request that goes out within this span. Where nothing is recorded the client's own span stays its parent. */
  child(name: string): Span {
    if (!this.#onEnd) return this;
    return new Span(name, 'client', { ...this.context, spanId: newSpanId() }, this.context.spanId, this.#onEnd);
  }

  /** What a request that goes out within this span carries. */
  get headers(): Record<string, string> {
    return traceHeaders(this.context);
  }

  /** Ends it; only the first call counts. */
  end({
    name,
    failed = false,
    attributes = {},
  }: {
    name?: string;
    failed?: boolean;
    attributes?: SpanAttributes;
  }): void {
    if (this.#ended) return;
    this.#ended = true;
    if (name !== undefined) this.#name = name;
    if (!this.context.sampled || !this.#onEnd) return;
    this.#onEnd({
      ...{ context: this.context, parentId: this.#parentId, name: this.#name, kind: this.#kind },
      ...{ startNs: this.#startNs, endNs: nowNs(), attributes, failed },
    });
  }
}

const current = new AsyncLocalStorage<Span>();

/** The span of the request that is being handled. Of an inference that several requests share, the first one's. */
export function currentSpan(): Span | undefined {
  return current.getStore();
}

/** Runs `work`, and everything that it sets off, within a span. */
export function runWithin<T>(span: Span | undefined, work: () => T): T {
  return current.run(span as Span, work);
}

/** Begins traces, and goes on with those of clients. */
export class Tracer {
  readonly #share: number;
  readonly #onEnd: TracerOptions['onEnd'];
  #due = 0;

  constructor({ share = 1, onEnd }: TracerOptions = {}) {
    this.#share = share;
    this.#onEnd = onEnd;
  }

  /** The span of a request; undefined where there is nothing to record and nothing to pass on. */
  begin(name: string, headers: Readonly<Record<string, unknown>>): Span | undefined {
    const parent = readTraceContext(headers.traceparent, headers.tracestate);
    if (parent) {
      // Without an exporter this proxy has no spans of its own: what goes on is the client's.
      const context = this.#onEnd ? { ...parent, spanId: newSpanId() } : parent;
      return new Span(name, 'server', context, parent.spanId, this.#onEnd);
    }
    if (!this.#onEnd) return undefined;
    this.#due += this.#share;
    const sampled = this.#due >= 1;
    if (sampled) this.#due -= 1;
    return new Span(name, 'server', { traceId: newTraceId(), spanId: newSpanId(), sampled }, undefined, this.#onEnd);
  }
}

const epochNs = BigInt(Math.round(performance.timeOrigin * 1e6));

function nowNs(): bigint {
  return epochNs + BigInt(Math.round(performance.now() * 1e6));
}
