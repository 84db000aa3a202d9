import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { conch } from '../../src/cli/testing.ts';
import type { BenchReport, InstancesReport, TuneReport } from '../../src/measure/index.ts';
import { RealTriton } from './real-triton.ts';

// `conch bench` against a real Triton with an identity in Python. `npm run test:bench` unpacks the server and sets CONCH_TRITON.
const triton = process.env.CONCH_TRITON;
const repository = mkdtempSync(join(tmpdir(), 'conch-bench-triton-'));
let server: RealTriton;

beforeAll(async () => {
  if (!triton) return;
  mkdirSync(join(repository, 'echo/1'), { recursive: true });
  writeFileSync(
    join(repository, 'echo/config.pbtxt'),
    `backend: "python" max_batch_size: 8 dynamic_batching { }
     input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] } output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }`,
  );
  writeFileSync(
    join(repository, 'echo/1/model.py'),
    `import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        tensors = [pb_utils.get_input_tensor_by_name(request, "x").as_numpy() for request in requests]
        return [pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("y", one)]) for one in tensors]
`,
  );
  server = await RealTriton.start(resolve(triton), repository);
  await server.load('echo');
}, 60_000);
afterAll(async () => {
  await server?.stop();
  rmSync(repository, { recursive: true });
});

test.skipIf(!triton).each(['http', 'grpc'])('a real Triton over %s', async (protocol) => {
  const url = protocol === 'http' ? server.url : `grpc://127.0.0.1:${server.grpcPort}`;
  const { code, out, err } = await conch(
    ...['bench', 'echo', '--server', url, '--pid', String(server.pid), '--shape', 'x:4', '--concurrency', '4'],
    ...['--rate', '50', '--warmup', '200ms', '--duration', '800ms', '--json'],
  );
  expect(err).toContain('ok echo, 4 clients');
  expect(code).toBe(0);
  const report = JSON.parse(out) as BenchReport;
  expect(report.server.name).toBe('triton');
  expect(report.tensors).toBe('binary');
  for (const point of report.points) {
    expect(point.failed).toBe(0);
    expect(point.answered).toBeGreaterThan(0);
    expect(point.server).toMatchObject([{ model: 'echo', failed: 0 }]);
    expect(point.server[0]!.computeInfer).toBeGreaterThan(0);
    // The server and the Python process of the model.
    expect(point.resources.processes).toBeGreaterThan(1);
    expect(point.resources.pssBytes).toBeGreaterThan(1e6);
  }
});

test.skipIf(!triton)(
  'conch tune and --instances reconfigure a real Triton by model control, and give its own configuration back',
  async () => {
    const common = [
      'echo',
      '--server',
      server.url,
      '--pid',
      String(server.pid),
      '--shape',
      'x:4',
      '--concurrency',
      '4',
    ];
    const short = ['--warmup', '100ms', '--duration', '300ms', '--json'];
    const settings = [
      '--fix',
      'max_batch_size,max_queue_delay_microseconds,preferred_batch_size',
      '--values',
      'instances=1,2',
    ];
    const before = await server.config('echo');
    const journal = join(repository, 'journal.jsonl');
    const tuned = await conch('tune', ...common, ...short, ...settings, '--measurements', '2', '--journal', journal);
    expect(tuned.code).toBe(0);
    const { trials } = JSON.parse(tuned.out) as TuneReport;
    expect(trials.map((trial) => [trial.settings, trial.failed])).toEqual([
      ['instances 1', undefined],
      ['instances 2', undefined],
    ]);
    const counted = await conch('bench', ...common, ...short, '--instances', '1,2', '--memory');
    expect(counted.code).toBe(0);
    const { rows } = JSON.parse(counted.out) as InstancesReport;
    // Each instance of a Python model is a process of its own.
    expect(rows[1]!.pssBytes!).toBeGreaterThan(rows[0]!.pssBytes!);
    expect(await server.config('echo')).toEqual(before);
  },
  120_000,
);
