/**
 * `conch proxy` beside a proxy in FastAPI over tritonclient (bench/fastapi), both in front of the same embedded server
 * with simple_net, in rounds that take turns; and the server asked directly. `node bench/proxy.ts [--write]`; needs
 * `npm run fetch:fastapi`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fetchFastapi } from '../scripts/fetch-fastapi.ts';
import type { LoadResult } from './load.ts';
import { cpuOf } from './measure.ts';
import { drive, jsonRequest, median, startConch, startProgram, stopPrograms } from './programs.ts';
import { loadBefore, table, writeSection } from './report.ts';

const before = loadBefore();
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '1,8,32' },
    /** Options of Node for the proxy's process, e.g. --cpu-prof. */
    node: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});
const [rounds, ms] = [Number(values.rounds), 1000 * Number(values.seconds)];
/** Times FastAPI's requests a second. */
const targets: Readonly<Record<string, number>> = { 1: 2, 8: 4, 32: 4 };

const row = [-0.6443, 0.4629, 1.4728, -1.4326, -1.8207, -0.5897, 0.8155, -0.369, 1.509, -0.672];
const direct = jsonRequest('/v2/models/simple_net/infer', {
  inputs: [{ name: 'x', shape: [1, 10], datatype: 'FP32', data: row }],
});
const proxied = jsonRequest('/models/simple_net', { x: row });

/** With the processor time of the process that was asked, in microseconds an answer. */
type Measured = LoadResult & { readonly cpu: number };

const repository = await mkdtemp(join(tmpdir(), 'conch-bench-proxy-'));
try {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const compile = ['src/main.ts', 'compile', 'simple_net', '--out', repository];
  execFileSync(process.execPath, compile, { cwd: root, stdio: 'ignore' });
  const server = await startConch(['serve', repository, '--http-port', '0', '--grpc-port', '0', '--metrics-port', '0']);
  const address = `127.0.0.1:${server.port}`;
  const conch = await startConch(
    ['proxy', '--server', `http://${address}`, '--port', '0', '--log-level', 'warn'],
    values.node.split(' ').filter(Boolean),
  );
  const fastapi = await startProgram(fetchFastapi(), ['bench/fastapi/proxy.py', address, '0']);
  const targetsOf = {
    direct: { port: server.port, pid: server.child.pid!, request: direct },
    conch: { port: conch.port, pid: conch.child.pid!, request: proxied },
    fastapi: { port: fastapi.port, pid: fastapi.child.pid!, request: proxied },
  };
  type Name = keyof typeof targetsOf;
  const answer = async (name: 'conch' | 'fastapi') => {
    const url = `http://127.0.0.1:${targetsOf[name].port}/models/simple_net`;
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ x: row }) });
    return (await response.json()) as { prediction: number };
  };
  const answers = { conch: await answer('conch'), fastapi: await answer('fastapi') };
  if (Math.abs(answers.conch.prediction - answers.fastapi.prediction) > 1e-6) throw new Error(JSON.stringify(answers));

  const rows = [
    [
      'clients',
      'FastAPI',
      'conch proxy',
      'ratio',
      'target',
      'the server itself',
      'p50: FastAPI, conch, server',
      'added p50',
      'CPU of the proxy an answer: FastAPI, conch',
    ],
  ];
  for (const concurrency of values.concurrency.split(',')) {
    const found: Record<Name, Measured>[] = [];
    for (let round = 0; round < rounds; round++) {
      const order: Name[] = ['direct', 'conch', 'fastapi'];
      if (round % 2 === 1) order.reverse();
      const results: Partial<Record<Name, Measured>> = {};
      for (const name of order) {
        const { port, pid, request } = targetsOf[name];
        const spent = cpuOf(pid);
        const load = { port, request: request.toString('base64'), concurrency: Number(concurrency), warmupMs: 700, ms };
        const result = await drive(load);
        // Of the warm-up too, which is why it is set against the whole time.
        const cpu = ((cpuOf(pid) - spent) * ms) / (ms + load.warmupMs) / result.answers;
        results[name] = { ...result, cpu };
      }
      found.push(results as Record<Name, Measured>);
    }
    const rate = (name: Name) => median(found.map((round) => round[name].answers / round[name].seconds));
    const p50 = (name: Name) => median(found.map((round) => round[name].p50));
    const cpu = (name: Name) => median(found.map((round) => round[name].cpu));
    const ratio = median(
      found.map(({ conch, fastapi }) => conch.answers / conch.seconds / (fastapi.answers / fastapi.seconds)),
    );
    const added = median(found.map(({ conch, direct }) => conch.p50 - direct.p50));
    rows.push([
      concurrency,
      `${rate('fastapi').toFixed(0)}/s`,
      `${rate('conch').toFixed(0)}/s`,
      ratio.toFixed(2),
      targets[concurrency]?.toFixed(1) ?? '',
      `${rate('direct').toFixed(0)}/s`,
      `${p50('fastapi').toFixed(0)}, ${p50('conch').toFixed(0)}, ${p50('direct').toFixed(0)} µs`,
      `${added.toFixed(0)} µs`,
      `${cpu('fastapi').toFixed(0)}, ${cpu('conch').toFixed(0)} µs`,
    ]);
    console.error(rows.at(-1)!.join('  '));
  }
  const text =
    `${table(rows)}\n\nsimple_net, one row a request as JSON, ${rounds} rounds of ${ms / 1000} s that take turns, medians; client, proxy and server ` +
    'share the cores. FastAPI: one uvicorn process (uvloop, httptools) with tritonclient’s asyncio client. The target is the ratio; ' +
    `p50 added to a direct call is to be at most 300 µs with one client. ${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, ${before}, Node ${process.version}.`;
  console.log(text);
  if (values.write) await writeSection('proxy', 'The proxy beside FastAPI', text);
} finally {
  await stopPrograms();
  await rm(repository, { recursive: true, force: true });
}
