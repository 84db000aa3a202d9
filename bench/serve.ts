import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { perfAnalyzer } from '../scripts/fetch-perf-analyzer.ts';
import type { Load, LoadResult } from './load.ts';
import { cpuOf, runJson } from './measure.ts';
import { table, writeSection } from './report.ts';
import type { CannedAnswer } from './serve-bare.ts';

// simple_net (a 10-32-16-1 perceptron, microseconds of work) over HTTP, on cores shared with the client. What is
// measured is what a server adds to a model: beside it stands a node:http server that answers the same bytes unlooked
// at. Both run in the same minute, in rounds that take turns; the ratio is the median of the rounds' ratios.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '1,8,32' },
    kinds: { type: 'string', default: 'json,binary' },
    /** perf_analyzer (npm run fetch:perf-analyzer) or own: bench/load.ts, which costs the machine far less. */
    client: { type: 'string', default: perfAnalyzer() ? 'perf_analyzer,own' : 'own' },
    /** Options of Node for the served process, e.g. --cpu-prof. */
    node: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const ms = Number(values.seconds) * 1000;
const targets: Readonly<Record<number, number>> = { 1: 0.66, 8: 0.72, 32: 0.82 };

const root = fileURLToPath(new URL('..', import.meta.url));
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const repository = await mkdtemp(join(tmpdir(), 'conch-bench-serve-'));
const children: ChildProcess[] = [];

/** Starts a Node program and waits for the line that names its port. */
async function start(args: readonly string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    const port = /^(?:serving .*:)?(\d+)$/.exec(line)?.[1];
    if (port !== undefined) return { child, port: Number(port) };
  }
  throw new Error(`${args.join(' ')} ended with ${child.exitCode}`);
}

const row = [
  -0.6443293, 0.46291327, 1.4728163, -1.4326335, -1.8207071, -0.5897288, 0.815457, -0.3689936, 1.509, -0.672,
];

/** One request for one row, as the official Python client would put it. */
function requestOf(kind: string): Buffer {
  const data = Buffer.from(Float32Array.from(row).buffer);
  const tensor = { name: 'x', shape: [1, 10], datatype: 'FP32' };
  const json =
    kind === 'json'
      ? JSON.stringify({ inputs: [{ ...tensor, data: row }] })
      : JSON.stringify({
          inputs: [{ ...tensor, parameters: { binary_data_size: data.length } }],
          outputs: [{ name: 'prediction', parameters: { binary_data: true } }],
        });
  const body = kind === 'json' ? Buffer.from(json) : Buffer.concat([Buffer.from(json), data]);
  const more = kind === 'json' ? '' : `Inference-Header-Content-Length: ${json.length}\r\n`;
  const head =
    'POST /v2/models/simple_net/infer HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: conch-bench\r\n' +
    `Accept: */*\r\n${more}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** What the server answers: its headers but those that any server adds, and its body. */
async function canned(url: string, init: RequestInit = {}): Promise<CannedAnswer> {
  const response = await fetch(url, init);
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${url}: ${response.status} ${body}`);
  const headers: Record<string, string> = { 'Content-Length': String(body.length) };
  for (const name of ['Content-Type', 'Inference-Header-Content-Length']) {
    const value = response.headers.get(name);
    if (value) headers[name] = value;
  }
  return { headers, body: body.toString('base64') };
}

/** Everything that a client will ask of the yardstick, as the server answers it. */
async function answersOf(url: string, request: Buffer) {
  const text = request.toString('latin1');
  const headerLength = /Inference-Header-Content-Length: (\d+)/.exec(text)?.[1];
  const post = await canned(`${url}/v2/models/simple_net/infer`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(headerLength && { 'Inference-Header-Content-Length': headerLength }),
    },
    body: new Uint8Array(request.subarray(text.indexOf('\r\n\r\n') + 4)),
  });
  const get: Record<string, CannedAnswer> = {};
  const model = '/v2/models/simple_net';
  for (const path of ['/v2', '/v2/health/live', '/v2/health/ready', model, `${model}/config`, `${model}/stats`]) {
    get[path] = await canned(url + path);
  }
  return { post, get };
}

interface Measured {
  /** Answers a second. */
  readonly rate: number;
  /** Latencies in microseconds. */
  readonly p50: number;
  readonly p99: number;
  /** The server's processor time on an answer, in microseconds; only with our own client. */
  readonly cpu?: number;
}

interface Target {
  readonly pid: number;
  readonly port: number;
}

async function measureOwn({ port, pid }: Target, request: Buffer, concurrency: number): Promise<Measured> {
  const load: Load = { port, request: request.toString('base64'), concurrency, warmupMs: 500, ms };
  const before = cpuOf(pid);
  const result = (await runJson(process.execPath, [file('load.ts'), JSON.stringify(load)])) as LoadResult;
  // Of the warm-up too, which is why it is set against the whole time.
  const cpu = (cpuOf(pid) - before) * (ms / (ms + load.warmupMs));
  return { rate: result.answers / result.seconds, cpu: cpu / result.answers, p50: result.p50, p99: result.p99 };
}

/** Three windows, whose mean is told: on a busy machine hardly any three agree, and the rounds show how far apart they are. */
async function measurePerfAnalyzer({ port }: Target, kind: string, concurrency: number): Promise<Measured> {
  const [command, ...args] = perfAnalyzer()!;
  args.push('-m', 'simple_net', '-u', `127.0.0.1:${port}`, '-i', 'http', '--concurrency-range', `${concurrency}`);
  args.push('--input-tensor-format', kind, '--output-tensor-format', kind, '--shape', 'x:10');
  args.push('--measurement-interval', `${Math.ceil(ms / 3)}`, '--stability-percentage', '999', '--max-trials', '6');
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
  execFileSync(process.execPath, ['src/main.ts', 'compile', 'simple_net', '--out', repository], {
    cwd: root,
    stdio: 'ignore',
  });
  const { child, port } = await start([
    ...values.node.split(' ').filter(Boolean),
    ...['src/main.ts', 'serve', repository, '--http-port', '0', '--grpc-port', '0', '--metrics-port', '0'],
  ]);
  const url = `http://127.0.0.1:${port}`;
  const ours: Target = { pid: child.pid!, port };
  const rows = [
    ['client', 'tensors', 'clients', 'conch', 'bare node:http', 'ratio', 'target', 'p50, p99', 'server CPU, of bare'],
  ];
  for (const client of values.client.split(',')) {
    for (const kind of values.kinds.split(',')) {
      const request = requestOf(kind);
      const yardstick = await start([file('serve-bare.ts'), JSON.stringify(await answersOf(url, request))]);
      const bare: Target = { pid: yardstick.child.pid!, port: yardstick.port };
      for (const concurrency of values.concurrency.split(',').map(Number)) {
        const measure = (target: Target) =>
          client === 'own' ? measureOwn(target, request, concurrency) : measurePerfAnalyzer(target, kind, concurrency);
        const found: { conch: Measured; bare: Measured }[] = [];
        for (let round = 0; round < rounds; round++) {
          const [first, second] = round % 2 === 0 ? [ours, bare] : [bare, ours];
          const one = await measure(first);
          const two = await measure(second);
          found.push(round % 2 === 0 ? { conch: one, bare: two } : { conch: two, bare: one });
        }
        const of = (pick: (round: (typeof found)[number]) => number) => median(found.map(pick));
        rows.push([
          client === 'own' ? 'own' : 'perf_analyzer',
          kind,
          String(concurrency),
          `${of((r) => r.conch.rate).toFixed(0)}/s`,
          `${of((r) => r.bare.rate).toFixed(0)}/s`,
          of((r) => r.conch.rate / r.bare.rate).toFixed(2),
          targets[concurrency]?.toFixed(2) ?? '',
          `${of((r) => r.conch.p50).toFixed(0)}, ${of((r) => r.conch.p99).toFixed(0)} µs`,
          client === 'own'
            ? `${of((r) => r.conch.cpu!).toFixed(0)} µs, ${of((r) => r.conch.cpu! / r.bare.cpu!).toFixed(2)}`
            : '',
        ]);
        console.error(rows.at(-1)!.join('  '));
      }
      yardstick.child.kill();
    }
  }
  child.kill('SIGTERM');
  await once(child, 'exit');
  const text = `${table(rows)}\n\nsimple_net, one row a request, ${rounds} rounds of ${ms / 1000} s that take turns, medians; the client shares the cores. The ratio is conch's rate over the bare server's. ${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, Node ${process.version}.`;
  console.log(text);
  if (values.write) await writeSection('serve', 'Serving over HTTP', text);
} finally {
  for (const child of children) child.kill();
  await rm(repository, { recursive: true, force: true });
}
