import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../run.ts';
import { modelsFrom } from './models.ts';
import { modelsTable } from './models-table.ts';
import { observationFrom } from './observation.ts';

async function refusal(...argv: string[]) {
  const err: string[] = [];
  const stderr = { write: (text: string) => err.push(text) };
  const code = await run(['serve', ...argv], { stdout: stderr, stderr, signal: new AbortController().signal });
  expect(code).toBe(2);
  return err.join('');
}

test.each([
  [['--load-model', 'a'], '--load-model needs --model-control-mode=explicit, the mode is none'],
  [['--load-model', 'a', '--model-control-mode', 'poll'], '--load-model needs --model-control-mode=explicit'],
  [['--load-model', '*', '--load-model=a', '--model-control-mode=explicit'], '--load-model=* stands alone'],
  [['--model-control-mode', 'auto'], 'Allowed choices are none, poll, explicit'],
  [['--model-config-name='], '--model-config-name: expected a name, got an empty one'],
  [['--allow-grpc=maybe'], "--allow-grpc: expected true or false, got 'maybe'"],
  [['--exit-on-error=maybe'], "--exit-on-error: expected true or false, got 'maybe'"],
  [['--backend-config=onnxruntime'], '--backend-config: expected [backend,]name=value'],
  [['--http-restricted-api=cats:a=b'], "--http-restricted-api: 'cats' is no category"],
  [['--http-restricted-api=health:a=b', '--http-restricted-api=health:a=c', '.'], "'health' may be in one group only"],
  [['--metrics-config=latencies=true'], "--metrics-config: 'latencies' is unknown; there is counter_latencies, "],
  [['--metrics-config=summary_quantiles=2:1'], 'expected quantiles with errors like 0.5:0.05,0.9:0.01'],
  [['--trace-config=level'], "--trace-config: expected <setting>=<value>, got 'level'"],
  [['--trace-config=level=ALL'], '--trace-config level: expected OFF, TIMESTAMPS or TENSORS'],
  [['--trace-config=opentelemetry,url=x'], 'the embedded server writes traces in mode triton only'],
  [['--trace-config=triton,url=x'], "--trace-config: 'url' is unknown; there is file, level, "],
  [['--trace-config=level=TIMESTAMPS', '.'], 'nothing can be traced: the server was started without a trace file'],
  [['--model-repository', '/nowhere/models'], 'no model repository at /nowhere/models'],
])('conch serve %j cannot run and says why', async (argv, message) => {
  expect(await refusal(...argv)).toContain(message);
});

test('without gRPC its port is left alone', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const repository = await mkdtemp(join(tmpdir(), 'conch-serve-'));
  const stop = new AbortController();
  const printed: string[] = [];
  const stdout = {
    write(text: string) {
      printed.push(text);
      stop.abort();
    },
  };
  const stderr = { write: (text: string) => printed.push(text) };
  const flags = [
    '--allow-grpc',
    'false',
    '--grpc-port',
    String(port),
    '--http-port',
    '0',
    '--metrics-port',
    '0',
    '--json',
  ];
  expect(await run(['serve', repository, ...flags], { stdout, stderr, signal: stop.signal }), printed.join('')).toBe(0);
  expect(JSON.parse(printed[0]!)).not.toHaveProperty('grpcPort');
  other.close();
  await rm(repository, { recursive: true });
});

test("Triton's flags become the server's options", () => {
  expect(modelsFrom({ modelControlMode: 'none' })).toEqual({
    modelControlMode: 'none',
    exitOnError: true,
    backendConfig: {},
  });
  expect(
    modelsFrom({
      modelControlMode: 'explicit',
      exitOnError: false,
      strictModelConfig: true,
      modelLoadRetryCount: 2,
      backendConfig: [
        { backend: '', name: 'default-max-batch-size', value: '8' },
        { backend: 'python', name: 'a', value: '1' },
      ],
    }),
  ).toEqual({
    modelControlMode: 'explicit',
    models: [],
    exitOnError: false,
    autoCompleteConfig: false,
    modelLoadRetryCount: 2,
    backendConfig: { '': { 'default-max-batch-size': '8' }, python: { a: '1' } },
  });
  expect(modelsFrom({ modelControlMode: 'explicit', loadModel: ['*'] })).not.toHaveProperty('models');
  const { logger, ...observed } = observationFrom({
    logLevel: 'warn',
    logFormat: 'default',
    logVerbose: 1,
    allowMetrics: false,
    metricsConfig: ['summary_latencies=true', 'counter_latencies=0', 'summary_quantiles=0.5:0.05,0.9:0.01'],
    traceConfig: [
      'triton,file=/tmp/t',
      'level=TIMESTAMPS',
      'level=TENSORS',
      'rate=3',
      'count=-1',
      'triton,log-frequency=2',
    ],
  });
  expect(logger.level).toBe('debug');
  expect(observed).toEqual({
    metricsPort: false,
    latencyMetrics: { summaries: true, counters: false, quantiles: [0.5, 0.9] },
    trace: { file: '/tmp/t', levels: ['TIMESTAMPS', 'TENSORS'], rate: 3, count: -1, logFrequency: 2 },
  });
});

test('the table at the start shows every model with its state, and why one does not serve', () => {
  expect(modelsTable([{ name: 'a', version: '1', state: 'READY' }, { name: 'later' }])).toBe(
    ['  model  version  state', '  a            1  READY', '  later           not loaded'].join('\n'),
  );
  const broken = { name: 'b', version: '2', state: 'UNAVAILABLE', reason: 'no file\nline 2\nline 3\nline 4' } as const;
  const text = modelsTable([{ name: 'a', version: '1', state: 'READY' }, broken]);
  expect(text).toContain('  b            2  UNAVAILABLE  no file\n');
  expect(text).toContain('line 3');
  expect(text).not.toContain('line 4');
});
