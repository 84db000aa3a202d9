import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Load, LoadResult } from './load.ts';
import { runJson } from './measure.ts';
import { table, writeSection } from './report.ts';

// simple_net (a 10-32-16-1 perceptron, microseconds of work) over HTTP, on cores shared with the client. What is
// measured is what a server adds to a model: beside it stands a node:http server that answers the same bytes unlooked
// at. Both run in the same minute, in rounds that take turns; the ratio is the median of the rounds' ratios.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '1,8,32' },
    kinds: { type: 'string', default: 'json,binary' },
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

/** Starts a Node program and waits for its first line. */
async function start(args: readonly string[]): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) return { child, line };
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

/** What the server answers to one request: its headers but those that any server adds, and its body. */
async function answerTo(url: string, request: Buffer) {
  const text = request.toString('latin1');
  const bodyAt = text.indexOf('\r\n\r\n') + 4;
  const binary = /Inference-Header-Content-Length: (\d+)/.exec(text);
  const response = await fetch(`${url}/v2/models/simple_net/infer`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(binary && { 'Inference-Header-Content-Length': binary[1]! }),
    },
    body: new Uint8Array(request.subarray(bodyAt)),
  });
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`${response.status} ${body}`);
  const headers: Record<string, string> = { 'Content-Length': String(body.length) };
  for (const name of ['Content-Type', 'Inference-Header-Content-Length']) {
    const value = response.headers.get(name);
    if (value) headers[name] = value;
  }
  return { headers, body };
}

/** Processor microseconds that a process has used. Linux only. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

interface Measured {
  /** Answers a second. */
  readonly rate: number;
  /** The server's processor time on an answer, and latencies: microseconds. */
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
}

interface Target {
  readonly pid: number;
  readonly port: number;
}

async function measure({ port, pid }: Target, request: Buffer, concurrency: number): Promise<Measured> {
  const load: Load = { port, request: request.toString('base64'), concurrency, warmupMs: 500, ms };
  const before = cpuOf(pid);
  const result = (await runJson(process.execPath, [file('load.ts'), JSON.stringify(load)])) as LoadResult;
  // Of the warm-up too, which is why it is set against the whole time.
  const cpu = (cpuOf(pid) - before) * (ms / (ms + load.warmupMs));
  return { rate: result.answers / result.seconds, cpu: cpu / result.answers, p50: result.p50, p99: result.p99 };
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

try {
  execFileSync(process.execPath, ['src/main.ts', 'compile', 'simple_net', '--out', repository], { cwd: root });
  const { child, line } = await start([
    ...values.node.split(' ').filter(Boolean),
    ...['src/main.ts', 'serve', repository, '--http-port', '0', '--metrics-port', '0'],
  ]);
  const url = line.slice(line.indexOf('http://'));
  const ours: Target = { pid: child.pid!, port: Number(new URL(url).port) };
  const rows = [
    ['', 'clients', 'conch', 'bare node:http', 'ratio', 'target', 'p50, p99', 'CPU a request', 'CPU ratio'],
  ];
  for (const kind of values.kinds.split(',')) {
    const request = requestOf(kind);
    const { headers, body } = await answerTo(url, request);
    const yardstick = await start([file('serve-bare.ts'), JSON.stringify(headers), body.toString('base64')]);
    const bare: Target = { pid: yardstick.child.pid!, port: Number(yardstick.line) };
    for (const concurrency of values.concurrency.split(',').map(Number)) {
      const found: { conch: Measured; bare: Measured }[] = [];
      for (let round = 0; round < rounds; round++) {
        const [first, second] = round % 2 === 0 ? [ours, bare] : [bare, ours];
        const one = await measure(first, request, concurrency);
        const two = await measure(second, request, concurrency);
        found.push(round % 2 === 0 ? { conch: one, bare: two } : { conch: two, bare: one });
      }
      const of = (pick: (round: (typeof found)[number]) => number) => median(found.map(pick));
      rows.push([
        kind,
        String(concurrency),
        `${of((r) => r.conch.rate).toFixed(0)}/s`,
        `${of((r) => r.bare.rate).toFixed(0)}/s`,
        of((r) => r.conch.rate / r.bare.rate).toFixed(2),
        targets[concurrency]?.toFixed(2) ?? '',
        `${of((r) => r.conch.p50).toFixed(0)}, ${of((r) => r.conch.p99).toFixed(0)} µs`,
        `${of((r) => r.conch.cpu).toFixed(1)} µs`,
        of((r) => r.bare.cpu / r.conch.cpu).toFixed(2),
      ]);
      console.error(rows.at(-1)!.join('  '));
    }
    yardstick.child.kill();
  }
  child.kill('SIGTERM');
  await once(child, 'exit');
  const text = `${table(rows)}\n\nsimple_net, one row a request, ${rounds} rounds of ${ms / 1000} s that take turns, medians; the client shares the cores. ${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.version}.`;
  console.log(text);
  if (values.write) await writeSection('serve', 'Serving over HTTP', text);
} finally {
  for (const child of children) child.kill();
  await rm(repository, { recursive: true, force: true });
}
