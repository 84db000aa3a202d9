import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { megabytes } from './measure.ts';
import { table, writeSection } from './report.ts';

// What connections cost a server that do nothing, and what uploads cost it that never end: resident memory of the whole
// process, beside a bare node:http server. Every connection has had one answer before it falls silent. Needs 10,000 open
// files in each process: `ulimit -n 20000`.
const counts = [0, 1000, 5000, 10_000];
const limit = 400e6;
const uploads = 64;
const uploadBytes = 64 * 2 ** 20;

const root = fileURLToPath(new URL('..', import.meta.url));
const repository = await mkdtemp(join(tmpdir(), 'conch-bench-connections-'));
const children: ChildProcess[] = [];

async function start(args: readonly string[]): Promise<{ pid: number; port: number }> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    const port = /^(?:serving .*:)?(\d+)$/.exec(line)?.[1];
    if (port !== undefined) return { pid: child.pid!, port: Number(port) };
  }
  throw new Error(`${args.join(' ')} ended with ${child.exitCode}`);
}

function residentMemory(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

const request = 'GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n';

/** Opens a connection that has had one answer. */
async function connect(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.write(request);
  await once(socket, 'data');
  return socket;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Resident memory with each of `counts` idle connections. */
async function measureIdle({ pid, port }: { pid: number; port: number }): Promise<number[]> {
  const sockets: net.Socket[] = [];
  const found: number[] = [];
  for (const count of counts) {
    while (sockets.length < count) {
      sockets.push(
        ...(await Promise.all(Array.from({ length: Math.min(200, count - sockets.length) }, () => connect(port)))),
      );
    }
    await sleep(500);
    found.push(residentMemory(pid));
  }
  for (const socket of sockets) socket.destroy();
  return found;
}

/** Many uploads at once, all but their last byte; peak memory, and what the server said to those that were too many. */
async function measureUploads({ pid, port }: { pid: number; port: number }) {
  const chunk = Buffer.alloc(2 ** 18, 1);
  const refused: string[] = [];
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, residentMemory(pid))), 20);
  const sockets = await Promise.all(
    Array.from({ length: uploads }, async () => {
      const socket = net.connect({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.on('data', (bytes) => refused.push(bytes.toString('latin1')));
      let goOn = () => {};
      for (const event of ['drain', 'close']) socket.on(event, () => goOn());
      socket.write(
        `POST /v2/models/simple_net/infer HTTP/1.1\r\nHost: x\r\nInference-Header-Content-Length: 2\r\nContent-Length: ${uploadBytes}\r\n\r\n`,
      );
      for (let sent = 0; sent < uploadBytes - chunk.length; sent += chunk.length) {
        if (!socket.write(chunk)) await new Promise<void>((resolve) => (goOn = resolve));
      }
      return socket;
    }),
  );
  await sleep(500);
  clearInterval(watch);
  const healthy = await connect(port);
  for (const socket of [healthy, ...sockets]) socket.destroy();
  return { peak, refused: refused.filter((answer) => answer.startsWith('HTTP/1.1 503')).length };
}

try {
  execFileSync(process.execPath, ['src/main.ts', 'compile', 'simple_net', '--out', repository], {
    cwd: root,
    stdio: 'ignore',
  });
  const ours = await start([
    'src/main.ts',
    'serve',
    repository,
    '--http-port',
    '0',
    '--grpc-port',
    '0',
    '--metrics-port',
    '0',
  ]);
  const answer = { headers: { 'Content-Length': '0' }, body: '' };
  const bare = await start(['bench/serve-bare.ts', JSON.stringify({ post: answer, get: {} })]);
  const columns = [await measureIdle(ours), await measureIdle(bare)];
  const perConnection = columns.map((column) => (column.at(-1)! - column[0]!) / counts.at(-1)!);
  const rows = [
    ['idle connections', 'conch serve', 'bare node:http'],
    ...counts.map((count, index) => [
      count.toLocaleString('en'),
      ...columns.map((column) => `${megabytes(column[index]!)} MB`),
    ]),
    ['each', ...perConnection.map((bytes) => `${(bytes / 1000).toFixed(1)} kB`)],
  ];
  const { peak, refused } = await measureUploads(ours);
  const text =
    `${table(rows)}\n\n${uploads} uploads of ${uploadBytes / 2 ** 20} MiB at once, none of which comes to its end: ` +
    `${refused} refused with 503, at most ${megabytes(peak)} MB. ` +
    `Resident memory of the whole process, ONNX Runtime and a model included. ${cpus()[0]!.model.trim()}, Node ${process.version}.`;
  console.log(text);
  if (columns[0]!.at(-1)! > limit) console.log(`more than ${megabytes(limit)} MB`);
  if (process.argv.includes('--write')) await writeSection('connections', 'Connections', text);
} finally {
  for (const child of children) child.kill();
  await rm(repository, { recursive: true, force: true });
}
