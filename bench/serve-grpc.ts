import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { perfAnalyzer } from '../scripts/fetch-perf-analyzer.ts';
import { encodeModelInferRequest } from '../src/protocol/index.ts';
import type { GrpcLoad } from './load-grpc.ts';
import { runJson } from './measure.ts';
import { table, writeSection } from './report.ts';

// simple_net over gRPC, on cores shared with the client, beside a plain grpc-js server that does the same work with the
// same runtime. Both run in the same minute, in rounds that take turns; the ratio is the median of the rounds' ratios.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '1,8,32' },
    /** perf_analyzer (npm run fetch:perf-analyzer) or own: bench/load-grpc.ts, which costs the machine far less. */
    client: { type: 'string', default: perfAnalyzer() ? 'perf_analyzer,own' : 'own' },
    /** Options of Node for the served process, e.g. --cpu-prof. */
    node: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const ms = Number(values.seconds) * 1000;
const targets: Readonly<Record<number, number>> = { 1: 1.3, 8: 1.4, 32: 1.4 };

const root = fileURLToPath(new URL('..', import.meta.url));
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const repository = await mkdtemp(join(tmpdir(), 'conch-bench-grpc-'));
const children: ChildProcess[] = [];

/** Starts a Node program and waits for the line that `pattern` finds something in. */
async function start(args: readonly string[], pattern: RegExp): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    const port = pattern.exec(line)?.[1];
    if (port !== undefined) return { child, port: Number(port) };
  }
  throw new Error(`${args.join(' ')} ended with ${child.exitCode}`);
}

interface Measured {
  /** Answers a second, and latencies in microseconds. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

const row = Float32Array.of(-0.64, 0.46, 1.47, -1.43, -1.82, -0.58, 0.81, -0.36, 1.5, -0.67);
const message = Buffer.concat(
  encodeModelInferRequest({
    model: 'simple_net',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 10], data: row }],
  }),
).toString('base64');

async function measureOwn(port: number, concurrency: number): Promise<Measured> {
  const load: GrpcLoad = { port, message, concurrency, warmupMs: 500, ms };
  const result = await runJson(process.execPath, [file('load-grpc.ts'), JSON.stringify(load)]);
  return { rate: result.answers! / result.seconds!, p50: result.p50!, p99: result.p99! };
}

/** Triton's own client, which shares one channel among its calls. */
async function measureTritons(port: number, concurrency: number): Promise<Measured> {
  const [command, ...args] = perfAnalyzer()!;
  args.push('-m', 'simple_net', '-u', `127.0.0.1:${port}`, '-i', 'grpc', '--concurrency-range', `${concurrency}`);
  args.push('--shape', 'x:10', '--measurement-interval', `${Math.ceil(ms / 3)}`);
  args.push('--stability-percentage', '999', '--max-trials', '6');
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const piece of child.stdout) text += piece;
  const number = (pattern: RegExp) => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`perf_analyzer said: ${text}`);
    return Number(found);
  };
  return {
    rate: number(/Throughput: ([\d.]+) infer/),
    p50: number(/p50 latency: (\d+)/),
    p99: number(/p99 latency: (\d+)/),
  };
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

try {
  execFileSync(process.execPath, ['src/main.ts', 'compile', 'simple_net', '--out', repository], { cwd: root });
  const ports = ['--http-port', '0', '--grpc-port', '0', '--metrics-port', '0'];
  const node = values.node.split(' ').filter(Boolean);
  const ours = await start([...node, 'src/main.ts', 'serve', repository, ...ports], /gRPC on port (\d+)/);
  const model = join(repository, 'simple_net/1/model.onnx');
  const bare = await start([file('serve-grpc-js.ts'), model], /^(\d+)$/);
  const rows = [['client', 'calls', 'conch', 'plain grpc-js', 'ratio', 'target', 'p50, p99', 'of grpc-js']];
  for (const client of values.client.split(',')) {
    const measure = client === 'own' ? measureOwn : measureTritons;
    for (const concurrency of values.concurrency.split(',').map(Number)) {
      const found: { conch: Measured; bare: Measured }[] = [];
      for (let round = 0; round < rounds; round++) {
        const [first, second] = round % 2 === 0 ? [ours, bare] : [bare, ours];
        const one = await measure(first.port, concurrency);
        const two = await measure(second.port, concurrency);
        found.push(round % 2 === 0 ? { conch: one, bare: two } : { conch: two, bare: one });
      }
      const of = (pick: (round: (typeof found)[number]) => number) => median(found.map(pick));
      rows.push([
        client,
        String(concurrency),
        `${of((r) => r.conch.rate).toFixed(0)}/s`,
        `${of((r) => r.bare.rate).toFixed(0)}/s`,
        of((r) => r.conch.rate / r.bare.rate).toFixed(2),
        targets[concurrency]?.toFixed(2) ?? '',
        `${of((r) => r.conch.p50).toFixed(0)}, ${of((r) => r.conch.p99).toFixed(0)} µs`,
        `${of((r) => r.bare.p50).toFixed(0)}, ${of((r) => r.bare.p99).toFixed(0)} µs`,
      ]);
      console.error(rows.at(-1)!.join('  '));
    }
  }
  ours.child.kill('SIGTERM');
  await once(ours.child, 'exit');
  const text = `${table(rows)}\n\nsimple_net, one row a request, ${rounds} rounds of ${ms / 1000} s that take turns, medians; one connection; conch forms batches of calls that wait together, the plain server runs each alone; the client shares the cores. ${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, Node ${process.version}.`;
  console.log(text);
  if (values.write) await writeSection('serve-grpc', 'Serving over gRPC', text);
} finally {
  for (const child of children) child.kill();
  await rm(repository, { recursive: true, force: true });
}
