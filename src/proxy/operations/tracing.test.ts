import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createProxyApp, type ProxyAppOptions } from '../app.ts';
import type { ModelCatalog } from '../catalog.ts';
import { exampleModels, type FakeServer, fakeClient, fakeServer } from '../fake-client.ts';
import { RoutedClient, SpreadClient } from '../upstream/index.ts';
import { OtlpExporter } from './otlp.ts';
import { type EndedSpan, Tracer } from './spans.ts';
import { readTraceContext, traceHeaders } from './trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${spanId}-01`;
let app: FastifyInstance;
afterEach(() => app?.close());

async function proxy(tracer: Tracer, options: Partial<ProxyAppOptions> = {}, server = fakeServer(exampleModels())) {
  let catalog!: ModelCatalog;
  const client = new RoutedClient(new SpreadClient([{ client: fakeClient(server) }]));
  app = await createProxyApp({
    client,
    tracer,
    maxEventLoopDelayMs: false,
    ...options,
    onCatalog: (created) => (catalog = created),
  });
  await app.ready();
  await catalog.whenReady();
  server.requests.length = 0;
  return server;
}
const ask = (headers: Record<string, string> = {}, x: unknown = Array(10).fill(1)) =>
  app.inject({ method: 'POST', url: '/models/simple_net', payload: { x }, headers });
const sent = (server: FakeServer) => (server.requests.at(-1) as { headers?: Record<string, string> }).headers;

test.each([
  [traceparent, true],
  [`00-${traceId}-${spanId}-00`, true],
  [`01-${traceId}-${spanId}-01-more`, true],
  [`00-${traceId}-${spanId}-01-more`, false],
  [`ff-${traceId}-${spanId}-01`, false],
  [`00-${'0'.repeat(32)}-${spanId}-01`, false],
  [`00-${traceId}-${'0'.repeat(16)}-01`, false],
  [traceparent.toUpperCase(), false],
  [`${traceparent}\r\nx: y`, false],
  ['', false],
  [undefined, false],
])('traceparent %j is taken: %s', (header, taken) => {
  expect(readTraceContext(header, undefined) !== undefined).toBe(taken);
});

test('tracestate goes along unless it is too long or odd', () => {
  expect(traceHeaders(readTraceContext(traceparent, 'a=1,b=2')!)).toEqual({ traceparent, tracestate: 'a=1,b=2' });
  for (const state of ['a'.repeat(600), 'a=\n', '', 5]) {
    expect(traceHeaders(readTraceContext(traceparent, state)!)).toEqual({ traceparent });
  }
});

test('a client’s trace goes on: the request within it, the inference within the request, the server within that', async () => {
  const spans: EndedSpan[] = [];
  const server = await proxy(new Tracer({ onEnd: (span) => spans.push(span) }));
  await ask({ traceparent, tracestate: 'a=1' });
  const [inference, request] = spans;
  expect(request).toMatchObject({ name: 'POST /models/:name', kind: 'server', parentId: spanId, failed: false });
  expect(request!.attributes).toMatchObject({
    'http.response.status_code': 200,
    'conch.model': 'simple_net',
    'conch.items': 1,
  });
  expect(inference).toMatchObject({ name: 'infer simple_net', kind: 'client', parentId: request!.context.spanId });
  expect(spans.map(({ context }) => context.traceId)).toEqual([traceId, traceId]);
  expect(sent(server)).toEqual({ traceparent: `00-${traceId}-${inference!.context.spanId}-01`, tracestate: 'a=1' });
  expect(inference!.startNs).toBeGreaterThanOrEqual(request!.startNs);
  expect(inference!.endNs).toBeLessThanOrEqual(request!.endNs);
});

test('without an exporter a client’s trace is passed on as it came, and nothing else is added', async () => {
  const server = await proxy(new Tracer());
  await ask({ traceparent });
  expect(sent(server)).toEqual({ traceparent });
  await ask();
  expect(sent(server)).toBeUndefined();
});

test('a share of the requests begins traces; what is not recorded says so to the server', async () => {
  const spans: EndedSpan[] = [];
  const server = await proxy(new Tracer({ share: 0.5, onEnd: (span) => spans.push(span) }));
  const flags: string[] = [];
  for (let index = 0; index < 8; index++) {
    await ask();
    flags.push(sent(server)!.traceparent!.slice(-2));
  }
  expect(flags).toEqual(['00', '01', '00', '01', '00', '01', '00', '01']);
  expect(spans).toHaveLength(8);
  await ask({ traceparent: `00-${traceId}-${spanId}-00` });
  await app.inject({ url: '/health' });
  expect(spans).toHaveLength(8);
});

test('failures show, and the log names the trace', async () => {
  const spans: EndedSpan[] = [];
  const lines: string[] = [];
  const server = fakeServer(exampleModels());
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  await proxy(new Tracer({ onEnd: (span) => spans.push(span) }), { logger }, server);
  server.reachable = false;
  await ask({ traceparent });
  expect(spans.map(({ failed }) => failed)).toEqual([true, true]);
  expect(spans[1]!.attributes).toMatchObject({ 'error.type': 'SERVER_UNREACHABLE', 'http.response.status_code': 503 });
  expect(lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'request')).toMatchObject({ traceId });
});

test('spans reach a collector as OTLP in JSON, in batches; one that is down costs nothing but spans', async () => {
  const received: { url: string | undefined; headers: IncomingHttpHeaders; body: string }[] = [];
  const collector = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ url: request.url, headers: request.headers, body });
    response.writeHead(200).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const exporter = new OtlpExporter({ endpoint, headers: { 'x-tenant': 'a' }, serviceName: 'front' });
  await proxy(new Tracer({ onEnd: exporter.add }));
  await ask({ traceparent });
  await exporter.flush();
  expect(received.map(({ url, headers }) => [url, headers['x-tenant']])).toEqual([['/v1/traces', 'a']]);
  const { resource, scopeSpans } = JSON.parse(received[0]!.body).resourceSpans[0];
  expect(resource.attributes).toEqual([{ key: 'service.name', value: { stringValue: 'front' } }]);
  const [inference, request] = scopeSpans[0].spans;
  expect(request).toMatchObject({ traceId, parentSpanId: spanId, kind: 2, status: {} });
  expect(request.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: '200' } });
  expect(inference.parentSpanId).toBe(request.spanId);
  expect(request.startTimeUnixNano).toMatch(/^\d{19}$/);
  // Within a minute of the clock on the wall.
  expect(Math.abs(Number(request.startTimeUnixNano) / 1e6 - Date.now())).toBeLessThan(60_000);

  await new Promise((resolve) => collector.close(resolve));
  expect((await ask({ traceparent })).statusCode).toBe(200);
  await exporter.close();
  expect(exporter.dropped).toBe(2);
});

test('payloads are logged only when that is switched on, and cut off', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const text = `secret ${'a'.repeat(5000)}`;
  const classify = () => app.inject({ method: 'POST', url: '/models/finbert-tokenizer', payload: { text } });
  await proxy(new Tracer(), { logger });
  await classify();
  expect(lines.join('')).not.toContain('secret');
  await app.close();
  await proxy(new Tracer(), { logger, logPayloads: true });
  await classify();
  const bodies = lines.map((line) => JSON.parse(line)).filter(({ msg }) => /body$/.test(msg));
  expect(bodies.map(({ msg }) => msg)).toEqual(['request body', 'answer body']);
  expect(bodies[0].body).toMatch(/^\{"text":"secret a+…$/);
  expect(bodies[0].body.length).toBe(2001);
});
