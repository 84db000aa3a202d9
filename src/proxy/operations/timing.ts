/** Where the time of a request went, in milliseconds. */
export interface Timings {
  readonly queueMs?: number | undefined;
  readonly tokenizeMs?: number | undefined;
  readonly inferMs?: number | undefined;
}

/** The `Server-Timing` header (W3C): what browsers show beside a request. */
export function serverTiming({ queueMs, tokenizeMs, inferMs }: Timings, totalMs: number): string {
  const parts = { queue: queueMs, tokenize: tokenizeMs, infer: inferMs, total: totalMs };
  return Object.entries(parts)
    .flatMap(([name, ms]) => (ms === undefined ? [] : [`${name};dur=${Number(ms.toFixed(3))}`]))
    .join(', ');
}
