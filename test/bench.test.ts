import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { conch } from '../src/cli/testing.ts';
import { compileDeployment, loadDeployment, startServer } from '../src/index.ts';
import type { BenchReport, InstancesReport } from '../src/measure/index.ts';

// `conch bench` over the embedded server and over one that speaks KServe's protocol and nothing more.
const examples = resolve(import.meta.dirname, '../examples');
let folder: string;
let repository: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-bench-'));
  const layers = [
    { name: 'net.0', activation: 'relu' } as const,
    { name: 'net.2', activation: 'relu' } as const,
    { name: 'net.4' },
  ];
  const models = {
    simple_net: { weights: join(examples, 'simple_net/weights.safetensors'), layers },
    finbert: { checkpoint: join(examples, 'finbert/checkpoint') },
  };
  ({ repository } = await compileDeployment({ deployment: { models }, file: undefined, baseDir: folder }, {}));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const short = ['--warmup', '100ms', '--duration', '400ms', '--quiet'];
const bench = async (...argv: string[]) => {
  const { code, out, err } = await conch('bench', ...argv, ...short, '--json');
  return { code, err, report: JSON.parse(out) as BenchReport & { error?: { code: string; message: string } } };
};

describe('over the embedded server, in a process of its own', () => {
  test('clients and rates, with the page', async () => {
    const html = join(folder, 'pages/bench.html');
    const { code, report } = await bench(
      'finbert',
      '--repository',
      repository,
      '--concurrency',
      '1,4',
      '--rate',
      '20',
      '--html',
      html,
      '--load-threads',
      '2',
    );
    expect(code).toBe(0);
    expect(report.points.map(({ load }) => load.kind)).toEqual(['closed', 'closed', 'open']);
    for (const point of report.points) {
      expect(point.failed).toBe(0);
      expect(point.latency!.p50.value).toBeGreaterThan(0);
      expect(point.latency!.max).toBeGreaterThanOrEqual(point.latency!.p50.value);
      expect(point.throughput.value).toBeGreaterThan(0);
      expect(point.tokensPerSecond).toBeGreaterThan(point.throughput.value);
      expect(point.resources.pssBytes).toBeGreaterThan(1e6);
      expect(point.resources.processes).toBeGreaterThanOrEqual(1);
      expect(point.server.map(({ model }) => model)).toEqual(['finbert', 'finbert-tokenizer', 'finbert-model']);
    }
    expect(report.requests.texts).toBe(true);
    expect(await readFile(html, 'utf8')).toContain('<svg ');
  });

  test.each(['grpc', 'in-process'])('%s; limits that are missed make the exit code 1', async (protocol) => {
    const { code, report } = await bench(
      'simple_net',
      '--repository',
      repository,
      '--protocol',
      protocol,
      '--concurrency',
      '2',
      '--p99',
      '0us',
      '--p50',
      '1m',
    );
    expect(code).toBe(1);
    expect(report).toMatchObject({ protocol, passed: false });
    expect(report.limits.map(({ metric, met }) => [metric, met])).toEqual([
      ['p50', true],
      ['p99', false],
    ]);
    expect(report.points[0]!.answered).toBeGreaterThan(0);
    expect(report.points[0]!.failed).toBe(0);
  });

  test('the answer for people', async () => {
    const { code, out } = await conch(
      'bench',
      'simple_net',
      '--repository',
      repository,
      '--concurrency',
      '1',
      ...short,
      '--p99',
      '1m',
    );
    expect(code).toBe(0);
    expect(out).toMatch(/load +inferences\/s +p50 ms/);
    expect(out).toMatch(/server CPUs +memory \(PSS\)/);
    expect(out).toContain('met  1 client: p99');
  });

  test('memory by instances, with a page', async () => {
    const html = join(folder, 'pages/instances.html');
    const argv = ['simple_net', '--repository', repository, '--instances', '1,3', '--memory', '--html', html];
    const { code, out } = await conch('bench', ...argv, ...short, '--json');
    expect(code).toBe(0);
    const report = JSON.parse(out) as InstancesReport;
    expect(report.rows.map(({ instances }) => instances)).toEqual([1, 3]);
    for (const { pssBytes, throughput } of report.rows) {
      expect(pssBytes).toBeGreaterThan(1e6);
      expect(throughput).toBeUndefined();
    }
    expect(await readFile(html, 'utf8')).toContain('in proportion to the first');
    const wrong = await conch('bench', 'simple_net', '--repository', repository, '--memory');
    expect(wrong.err).toContain('--memory goes with --instances');
  });

  test('by instances of a running server in explicit model control, which gets its own configuration back', async () => {
    const control = { modelControlMode: 'explicit', models: ['simple_net'] } as const;
    const server = await startServer({ repository, httpPort: 0, metricsPort: false, ...control });
    try {
      const { code, out } = await conch('bench', 'simple_net', '--server', server.url, '--instances', '1,2', ...short);
      expect(code).toBe(0);
      expect(out).toMatch(/instances +ready in +inferences\/s/);
      const config = await (await fetch(`${server.url}/v2/models/simple_net/config`)).json();
      expect(config).toMatchObject({ instance_group: [{ count: 1 }] });
    } finally {
      await server.close();
    }
  });

  test('requests of a file', async () => {
    const data = join(examples, 'simple_net/expected.jsonl');
    const { code, report } = await bench(
      'simple_net',
      '--repository',
      repository,
      '--concurrency',
      '1',
      '--data',
      data,
    );
    expect(code).toBe(0);
    expect(report.requests.description).toContain('expected.jsonl');
  });

  test.each([
    [['no_such_model'], 'MODEL_NOT_FOUND', /has no model 'no_such_model'; it has finbert, /],
    [['simple_net', '--texts', 'x'], 'USAGE', /takes x FP32 \[10\], not one text/],
    [['simple_net', '--shape', 'x:11'], 'USAGE', /the model takes \[10\]/],
    [['simple_net', '--data', 'none.jsonl'], 'FILE_NOT_FOUND', /none\.jsonl/],
  ])('%j cannot run', async (argv, code, message) => {
    const answer = await bench(...(argv as string[]), '--repository', repository);
    expect(answer.code).toBe(2);
    expect(answer.report.error).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

test("the deployment file of the example has the plan's instances on a GPU and the ONNX's on the CPU", async () => {
  const { deployment } = await loadDeployment(join(examples, 'instances/conch.config.ts'));
  expect(deployment.models).toMatchObject({
    'finbert-trt': { tensorrt: {}, model: { instance_group: [{ count: 4, kind: 'KIND_GPU' }] } },
    finbert: { model: { instance_group: [{ count: 4, kind: 'KIND_CPU' }] } },
  });
  const dry = await conch('compile', 'finbert-trt', '-f', join(examples, 'instances/conch.config.ts'), '--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.out).toContain('trtexec');
});

test.each([
  [['--server', 'ftp://x'], '--server: expected an address'],
  [['--server', 'http://x', '--repository', 'y'], 'exclude each other'],
  [['--duration', 'long'], '--duration: expected a time like 50ms'],
  [['--stability', '200%'], '--stability: expected a percentage'],
  [['--concurrency', '1,0'], '--concurrency: expected a whole number'],
  [['--lengths', 'zipf'], '--lengths: expected fixed:N'],
  [['--shape', 'x'], '--shape: expected name:dims'],
  [['--header', 'x'], '--header: expected name:value'],
])('%j is refused', async (argv, message) => {
  const { code, err } = await conch('bench', 'simple_net', ...argv);
  expect(code).toBe(2);
  expect(err).toContain(message);
});

describe('a server of KServe v2 with nothing of Triton: no configuration, no statistics, JSON alone', () => {
  let server: Server;
  let url: string;
  let asked = 0;
  beforeAll(async () => {
    const tensor = (name: string, shape: number[]) => ({ name, datatype: 'FP32', shape });
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const answer = (status: number, body: unknown) => {
        const text = JSON.stringify(body);
        // In two pieces and chunked, as frameworks answer.
        response.writeHead(status, { 'content-type': 'application/json' });
        response.write(text.slice(0, 5));
        response.end(text.slice(5));
      };
      if (request.url === '/v2/models/m') {
        const metadata = {
          name: 'm',
          versions: ['1'],
          platform: 'x',
          inputs: [tensor('x', [-1, 3])],
          outputs: [tensor('y', [-1, 1])],
        };
        answer(200, metadata);
      } else if (request.url === '/v2/models/m/infer') {
        const { inputs } = JSON.parse(Buffer.concat(chunks).toString());
        expect(inputs[0].shape).toEqual([1, 3]);
        asked += 1;
        if (asked % 10 === 0) answer(429, { error: 'too many' });
        else answer(200, { model_name: 'm', outputs: [{ ...tensor('y', [1, 1]), data: [1] }] });
      } else answer(404, { error: 'not here' });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((done) => server.close(done)));

  test('is measured all the same, its refusals counted by code with its words', async () => {
    const { code, report } = await bench('m', '--server', url, '--concurrency', '2', '--max-failed', '1%');
    expect(code).toBe(1);
    expect(report.tensors).toBe('json');
    const [point] = report.points;
    expect(point).toMatchObject({ server: [], resources: {} });
    expect(point!.failures).toEqual([
      { code: expect.stringMatching(/HTTP 429/), count: point!.failed, message: expect.stringContaining('too many') },
    ]);
    expect(point!.answered).toBeGreaterThan(point!.failed);
    expect(report.limits).toMatchObject([{ metric: 'failed', met: false }]);
  });

  test('that is not there cannot be measured', async () => {
    const { code, report } = await bench('m', '--server', 'http://127.0.0.1:1');
    expect(code).toBe(2);
    expect(report.error).toMatchObject({ code: 'SERVER_UNREACHABLE' });
  });
});
