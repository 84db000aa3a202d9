import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../../test/free-port.ts';
import { run } from '../run.ts';
import { serveCommand } from '../serve.ts';
import { writeFakeDocker, writeFakeTriton } from './testing.ts';
import { tritonFlags } from './triton-flags.ts';

let dir: string;
let models: string;
let tritonserver: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-triton-'));
  models = join(dir, 'models');
  await mkdir(join(models, 'simple_net/1'), { recursive: true });
  await cp('test/fixtures/onnx/mlp.onnx', join(models, 'simple_net/1/model.onnx'));
  await writeFile(join(models, 'simple_net/config.pbtxt'), 'name: "simple_net"\nbackend: "onnxruntime"\n');
  tritonserver = await writeFakeTriton(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));
afterEach(() => void vi.unstubAllEnvs());

/** Runs `conch serve --engine triton`, and stops it as Ctrl-C does once `stopAt` was printed. */
async function serve(argv: readonly string[], stopAt = 'serves at') {
  const stop = new AbortController();
  const written: string[] = [];
  const write = (text: string) => {
    written.push(text);
    if (text.includes(stopAt)) stop.abort();
  };
  const port = await freePort();
  const all = ['serve', '--engine', 'triton', '--http-port', String(port), ...argv];
  const code = await run(all, { stdout: { write }, stderr: { write }, signal: stop.signal });
  return { code, port, text: written.join('') };
}

test('a local tritonserver is started with the flags, waited for, and stopped', async () => {
  const { code, port, text } = await serve([models, '--tritonserver', tritonserver, '--allow-grpc=false']);
  expect(text).toContain(`--model-repository=${models} --http-address=127.0.0.1 --http-port=${port}`);
  expect(text).toMatch(/net +1 +READY/);
  expect(text).toContain(`triton 2.71.0 serves at http://127.0.0.1:${port}`);
  expect(text).toContain('stopping: Triton finishes the requests under way');
  expect(text).toContain('I1126 12:00:02 stopped');
  expect(code).toBe(0);
});

test('one that fails before it is ready, or ends by itself, gives 1 and its own words', async () => {
  const refused = await serve([models, '--tritonserver', tritonserver, '--id=refuse']);
  expect(refused.code).toBe(1);
  expect(refused.text).toContain('ended before it was ready: exit code 1; it said: E1126 12:00:01 failed to load net');
  const died = await serve([models, '--tritonserver', tritonserver, '--id=die'], 'never');
  expect(died.code).toBe(1);
  expect(died.text).toContain('ended by itself: exit code 3');
});

test('nothing is started over a repository that Triton would refuse', async () => {
  const broken = join(dir, 'broken');
  await cp(models, broken, { recursive: true });
  await mkdir(join(broken, 'bad/1'), { recursive: true });
  await writeFile(join(broken, 'bad/config.pbtxt'), 'name: "bad"\nbackend: "onnxruntime"\nmax_batch_sise: 1\n');
  const { code, text } = await serve([broken, '--tritonserver', tritonserver]);
  expect(code).toBe(1);
  expect(text).toContain('ModelConfig has no field max_batch_sise');
  expect(text).toContain('not started: ');
  expect(text).not.toContain('starting');
  // In mode explicit only what is loaded must be good.
  const explicit = ['--model-control-mode=explicit', '--load-model=simple_net'];
  const other = await serve([broken, '--tritonserver', tritonserver, ...explicit]);
  expect(other.code).toBe(0);
  expect(other.text).toContain('--model-control-mode=explicit --load-model=simple_net');
});

test('a folder with a space is refused for the Python backend, which would never start there, and for no other', async () => {
  const spaced = join(dir, 'my models');
  await cp(models, spaced, { recursive: true });
  expect((await serve([spaced, '--tritonserver', tritonserver])).code).toBe(0);
  await mkdir(join(spaced, 'py/1'), { recursive: true });
  await writeFile(join(spaced, 'py/1/model.py'), 'class TritonPythonModel:\n    def execute(self, requests): ...\n');
  const tensor = (kind: string) => `${kind} { name: "${kind[0]}" data_type: TYPE_FP32 dims: [ 1 ] }`;
  await writeFile(join(spaced, 'py/config.pbtxt'), `backend: "python"\n${tensor('input')}\n${tensor('output')}\n`);
  const { code, text } = await serve([spaced, '--tritonserver', tritonserver]);
  expect(code).toBe(2);
  expect(text).toContain(`cannot start model 'py' of its Python backend: ${spaced} has a space`);
  const other = ['--model-control-mode=explicit', '--load-model=simple_net'];
  expect((await serve([spaced, '--tritonserver', tritonserver, ...other])).code).toBe(0);
});

test('a program that is not there says so', async () => {
  const { code, text } = await serve([models, '--tritonserver', join(dir, 'none')]);
  expect(code).toBe(2);
  expect(text).toContain(`${join(dir, 'none')} cannot be started`);
  expect(text).toContain('or leave it out to use Docker');
});

test('in Docker: the files are written where they are missing, ports published, containers removed', async () => {
  const bin = await mkdtemp(join(dir, 'bin-'));
  const { calls } = await writeFakeDocker(bin);
  vi.stubEnv('PATH', bin);
  const compose = join(bin, 'compose');
  const { code, port, text } = await serve([
    models,
    '--compose-dir',
    compose,
    '--exit-timeout-secs=5',
    '--log-verbose=1',
  ]);
  expect(text).toContain(`wrote ${compose}`);
  expect(text).toContain(`serves at http://127.0.0.1:${port}`);
  expect(code).toBe(0);
  const lines = (await readFile(calls, 'utf8')).trim().split('\n');
  const [up, down] = lines.map((line) => JSON.parse(line) as { argv: string[]; override: string });
  expect(up!.argv.slice(0, 3)).toEqual(['compose', '--project-directory', compose]);
  expect(up!.argv.slice(-5)).toEqual(['up', '--no-log-prefix', '--exit-code-from', 'triton', 'triton']);
  expect(up!.override).toContain(`- 127.0.0.1:${port}:8000`);
  expect(up!.override).toContain('- 127.0.0.1:8001:8001');
  expect(up!.override).toContain('- --log-verbose=1');
  expect(up!.override).toContain('- --exit-timeout-secs=5');
  expect(up!.override).not.toContain('--exit-timeout-secs=30');
  expect(up!.override).toMatch(/--http-restricted-api=shared-memory,trace,logging:admin-key=\$\{CONCH_ADMIN_KEY/);
  expect(down!.argv.at(-1)).toBe('down');
});

test('without Docker, and with what a container cannot have', async () => {
  vi.stubEnv('PATH', join(dir, 'nothing'));
  const { code, text } = await serve([models]);
  expect(code).toBe(2);
  expect(text).toContain('Triton cannot be started in Docker: there is no program docker');
  expect((await serve([models, '--grpc-use-ssl', '--grpc-server-cert', 'c.pem'])).text).toContain(
    "--grpc-server-cert names a file that Triton's container does not have",
  );
  expect((await serve([models, '--threads', '2'])).text).toContain("--threads is the embedded server's alone");
  expect((await serve([models, '--server', 'http://x', '--tritonserver', 'y'])).text).toContain('exclude each other');
  const { text: other } = await serve([models, '--engine', 'embedded', '--tritonserver', 'y']);
  expect(other).toContain('--tritonserver is for Triton, the engine is embedded');
});

test('a server that runs already is asked', async () => {
  let answer: unknown;
  await serve([models, '--tritonserver', tritonserver, '--json', '--id=mine'], '"ready": true').then(({ text }) => {
    answer = JSON.parse(text.slice(text.indexOf('{\n'), text.lastIndexOf('\n}') + 2));
  });
  expect(answer).toMatchObject({
    ...{ ready: true, server: { name: 'mine', version: '2.71.0' } },
    models: [{ name: 'net', version: '1', state: 'READY' }],
  });
  const http = await import('node:http');
  const server = http.createServer((request, response) => {
    const body = request.url === '/v2' ? '{"name":"far","version":"2.70.0","extensions":[]}' : '[]';
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  const { code, text } = await serve(['--server', `http://127.0.0.1:${port}`], 'never');
  server.closeAllConnections();
  server.close();
  expect(code).toBe(0);
  expect(text).toBe(`far 2.70.0 serves at http://127.0.0.1:${port}\n`);
});

test("every flag is spelled as Triton's", () => {
  const values = {
    ...{ id: 'triton', httpMaxInputSize: 1024, allowMetrics: false, exitOnError: false, strictModelConfig: true },
    ...{ cacheConfig: 4096, rateLimit: 'execution_count', disableAutoCompleteConfig: true, logFormat: 'ISO8601' },
    rateLimitResource: [
      { name: 'r', count: 2 },
      { name: 's', count: 1, device: 0 },
    ],
    backendConfig: [
      { backend: '', name: 'default-max-batch-size', value: '8' },
      { backend: 'python', name: 'shm-default-byte-size', value: '1' },
    ],
    metricsConfig: ['counter_latencies=false'],
    grpcHttp2MaxPingStrikes: 3,
    httpRestrictedApi: ['logging:a=b'],
    httpPort: 1,
  };
  expect(tritonFlags(values, serveCommand.options!, { inContainer: false }).sort()).toEqual([
    '--allow-metrics=false',
    '--backend-config=,default-max-batch-size=8',
    '--backend-config=python,shm-default-byte-size=1',
    '--cache-config=local,size=4096',
    '--disable-auto-complete-config',
    '--disable-auto-complete-config',
    '--exit-on-error=false',
    '--grpc-http2-max-ping-strikes=3',
    '--http-max-input-size=1024',
    '--http-restricted-api=logging:a=b',
    '--id=triton',
    '--log-format=ISO8601',
    '--metrics-config=counter_latencies=false',
    '--rate-limit-resource=r:2',
    '--rate-limit-resource=s:1:0',
    '--rate-limit=execution_count',
  ]);
});
