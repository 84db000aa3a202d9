/**
 * Memory and start of a served BERT-base with 1, 2, 4 and 8 instances, with weights shared between the instances and
 * without, each in a server process of its own. `node bench/memory.ts [--write]`; --write puts the table into
 * docs/benchmarks.md. Linux only. It measures the built package, as it is installed.
 */
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bertInputs, bertRepository, compileBert } from './bert-repository.ts';
import { megabytes } from './measure.ts';
import { table, writeSection } from './report.ts';

const counts = [1, 2, 4, 8];
const tokens = 128;
/** As many for any count, so that what requests leave behind in the process counts alike. */
const requests = 16;
const root = fileURLToPath(new URL('..', import.meta.url));

interface Result {
  /** From starting the process to the server's being ready. */
  readonly seconds: number;
  /** Proportional set size after every instance has run. */
  readonly pssBytes: number;
}

async function serve(repository: string, cache: string, instances: number): Promise<Result> {
  const started = performance.now();
  const flags = ['--http-port', '0', '--metrics-port', '0', '--grpc-port', '0', '--cache-directory', cache, '--json'];
  const server = spawn(process.execPath, [join(root, 'dist/main.js'), 'serve', repository, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const { url } = await firstJson(server.stdout);
    const seconds = (performance.now() - started) / 1000;
    for (let sent = 0; sent < requests; sent += instances) {
      await Promise.all(Array.from({ length: instances }, () => infer(url)));
    }
    const rollup = readFileSync(`/proc/${server.pid}/smaps_rollup`, 'utf8');
    return { seconds, pssBytes: 1024 * Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)![1]) };
  } finally {
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGINT');
    await gone;
  }
}

async function firstJson(stream: NodeJS.ReadableStream): Promise<{ url: string }> {
  let text = '';
  for await (const line of createInterface({ input: stream })) {
    text += line;
    try {
      return JSON.parse(text);
    } catch {
      // Not whole yet.
    }
  }
  throw new Error('the server ended before it was ready');
}

async function infer(url: string): Promise<void> {
  const inputs = bertInputs(1, tokens).map(({ data, ...input }) => ({ ...input, data: Array.from(data, Number) }));
  const response = await fetch(`${url}/v2/models/bert/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
  if (!response.ok) throw new Error(await response.text());
  await response.text();
}

async function measure(work: string): Promise<string> {
  const files = await compileBert(work);
  const cache = join(work, 'cache');
  const rows = [['instances', 'shared', 'ratio', 'ready in', 'each its own', 'ratio', 'ready in']];
  let first: { shared: Result; own: Result } | undefined;
  let built = 0;
  for (const count of counts) {
    const group = `instance_group { count: ${count} kind: KIND_CPU }`;
    const repository = (name: string, share: string) =>
      bertRepository(
        files,
        join(work, `${name}-${count}`),
        `${group}\nparameters { key: "conch.shared_weights" value { string_value: "${share}" } }`,
      );
    const [sharing, owning] = [await repository('shared', '1'), await repository('own', '0')];
    // The first of all fills the cache.
    if (!first) built = (await serve(sharing, cache, count)).seconds;
    const [shared, own] = [await serve(sharing, cache, count), await serve(owning, cache, count)];
    first ??= { shared, own };
    const cells = (result: Result, one: Result) => [
      `${megabytes(result.pssBytes)} MB`,
      (result.pssBytes / one.pssBytes).toFixed(2),
      `${result.seconds.toFixed(2)} s`,
    ];
    rows.push([`${count}`, ...cells(shared, first.shared), ...cells(own, first.own)]);
    console.error(rows.at(-1)!.join('  '));
  }
  const method =
    `BERT-base (FP32, 442 MB) behind \`conch serve\`, a new process for every number: PSS (each page divided by the ` +
    `processes that map it) after every instance has run texts of ${tokens} tokens; from starting the process to ready, ` +
    `warm-up included, with the cache filled (its first filling: ready in ${built.toFixed(2)} s). Node ${process.version}, ` +
    `${cpus()[0]?.model}, ${availableParallelism()} cores.`;
  return [table(rows), '', method].join('\n');
}

const work = await mkdtemp(join(tmpdir(), 'conch-bench-'));
try {
  await promisify(execFile)('npm', ['run', '-s', 'build'], { cwd: root });
  const report = await measure(work);
  console.log(report);
  if (process.argv.includes('--write')) await writeSection('memory', 'Memory of several instances', report);
} finally {
  await rm(work, { recursive: true, force: true });
}
