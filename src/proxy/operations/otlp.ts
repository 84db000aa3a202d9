import type { Logger } from '../../base/index.ts';
import type { EndedSpan, SpanAttributes } from './spans.ts';

export interface OtlpOptions {
  /** The collector, e.g. `http://127.0.0.1:4318`; `/v1/traces` is added where there is no path. */
  readonly endpoint: string;
  /** Sent along, e.g. for authentication. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly serviceName?: string;
  /** Milliseconds that spans wait for others; default 5,000. */
  readonly delayMs?: number;
  readonly timeoutMs?: number;
  readonly logger?: Logger;
}

const batchSize = 512;
const mostWaiting = 4096;
const warnEveryMs = 60_000;

/**
 * Sends spans to an OpenTelemetry collector, in batches, as OTLP's JSON over HTTP. Spans that cannot be delivered are
 * dropped and counted: tracing must never hold up or break what it watches. OpenTelemetry's own SDK would be 14 packages
 * of 24 MB for this one request.
 */
export class OtlpExporter {
  readonly #options: OtlpOptions;
  readonly #url: string;
  #waiting: EndedSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #warnedAt = Number.NEGATIVE_INFINITY;
  /** Spans that never arrived. */
  dropped = 0;

  constructor(options: OtlpOptions) {
    this.#options = options;
    const url = new URL(options.endpoint);
    if (url.pathname === '/') url.pathname = '/v1/traces';
    this.#url = url.href;
  }

  readonly add = (span: EndedSpan): void => {
    if (this.#waiting.length >= mostWaiting) {
      this.dropped++;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= batchSize) void this.flush();
    else if (!this.#timer) {
      this.#timer = setTimeout(() => void this.flush(), this.#options.delayMs ?? 5000);
      this.#timer.unref();
    }
  };

  /** Sends what waits; resolves when it is delivered or dropped. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sending;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchSize);
      this.#sending = this.#send(batch);
      await this.#sending;
    }
    this.#sending = undefined;
  }

  close(): Promise<void> {
    return this.flush();
  }

  async #send(spans: readonly EndedSpan[]): Promise<void> {
    const { headers = {}, timeoutMs = 10_000, serviceName = 'conch-proxy', logger } = this.#options;
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(otlpBody(spans, serviceName)),
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    } catch (error) {
      this.dropped += spans.length;
      const now = performance.now();
      if (now - this.#warnedAt < warnEveryMs) return;
      this.#warnedAt = now;
      logger?.warn({ dropped: this.dropped }, `traces do not reach ${this.#url}: ${(error as Error).message}`);
    }
  }
}

/** ExportTraceServiceRequest in the JSON mapping of OTLP 1.x: ids in hex, 64-bit numbers as text. */
export function otlpBody(spans: readonly EndedSpan[], serviceName: string) {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ 'service.name': serviceName }) },
        scopeSpans: [
          {
            scope: { name: 'conch-proxy' },
            spans: spans.map(({ context, parentId, name, kind, startNs, endNs, attributes, failed }) => ({
              traceId: context.traceId,
              spanId: context.spanId,
              ...(parentId !== undefined && { parentSpanId: parentId }),
              ...(context.traceState !== undefined && { traceState: context.traceState }),
              name,
              kind: kind === 'server' ? 2 : 3,
              startTimeUnixNano: String(startNs),
              endTimeUnixNano: String(endNs),
              attributes: attributesOf(attributes),
              status: failed ? { code: 2 } : {},
            })),
          },
        ],
      },
    ],
  };
}

function attributesOf(attributes: SpanAttributes) {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: anyValue(value!) }));
}

function anyValue(value: string | number | boolean): Record<string, unknown> {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
