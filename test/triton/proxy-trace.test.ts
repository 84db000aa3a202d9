import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { createLogger } from '../../src/base/index.ts';
import { startProxy } from '../../src/proxy/index.ts';
import { RealTriton } from './real-triton.ts';

// A trace through the proxy into a real Triton. `npm run test:reload` unpacks Triton and sets CONCH_TRITON.
const folder = process.env.CONCH_TRITON;
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
}

test.skipIf(!folder)(
  'Triton’s spans stand within the proxy’s, and those within the client’s',
  async () => {
    const repository = mkdtempSync(join(tmpdir(), 'conch-trace-'));
    mkdirSync(join(repository, 'm/1'), { recursive: true });
    writeFileSync(
      join(repository, 'm/config.pbtxt'),
      `backend: "python" max_batch_size: 8
     input { name: "x" data_type: TYPE_FP32 dims: [ 2 ] } output { name: "y" data_type: TYPE_FP32 dims: [ 2 ] }`,
    );
    writeFileSync(
      join(repository, 'm/1/model.py'),
      `import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        tensors = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", x)]) for x in tensors]
`,
    );
    const spans: ReceivedSpan[] = [];
    const collector = createServer(async (request, response) => {
      let text = '';
      for await (const piece of request) text += piece;
      for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
        const { value } = resource.attributes.find(({ key }: { key: string }) => key === 'service.name');
        for (const { spans: some } of scopeSpans) {
          for (const span of some) spans.push({ ...span, service: value.stringValue });
        }
      }
      response.end();
    });
    await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    let triton: RealTriton | undefined;
    try {
      const trace = (setting: string) => `--trace-config=${setting}`;
      triton = await RealTriton.start(resolve(folder!), repository, {
        flags: [
          '--load-model=m',
          ...['mode=opentelemetry', 'rate=1', 'level=TIMESTAMPS'].map(trace),
          ...[`opentelemetry,url=${endpoint}/v1/traces`, 'opentelemetry,bsp_schedule_delay=100'].map(trace),
        ],
      });
      const logger = createLogger('silent');
      const proxy = await startProxy({
        server: triton.url,
        port: 0,
        metricsPort: false,
        logger,
        tracing: { endpoint },
      });
      try {
        await proxy.whenReady();
        const headers = { 'content-type': 'application/json', traceparent: `00-${traceId}-${spanId}-01` };
        const answer = await fetch(`${proxy.url}/models/m`, { method: 'POST', headers, body: '{"x":[1,2]}' });
        expect(answer.status).toBe(200);
      } finally {
        await proxy.close();
      }
      const ours = spans.filter(({ service }) => service === 'conch-proxy');
      const request = ours.find(({ name }) => name === 'POST /models/:name')!;
      const inference = ours.find(({ name }) => name === 'infer m')!;
      expect([request.traceId, request.parentSpanId, inference.parentSpanId]).toEqual([
        traceId,
        spanId,
        request.spanId,
      ]);
      await expect
        .poll(() => spans.filter((span) => span.service !== 'conch-proxy' && span.traceId === traceId), {
          timeout: 20_000,
        })
        .toContainEqual(expect.objectContaining({ name: 'InferRequest', parentSpanId: inference.spanId }));
    } finally {
      await triton?.stop();
      collector.close();
      rmSync(repository, { recursive: true, force: true });
    }
  },
  120_000,
);
