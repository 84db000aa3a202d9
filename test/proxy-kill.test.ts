import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { loadDeployment } from '../src/compile/index.ts';
import { compileDeployment, startProxy } from '../src/index.ts';
import type { RunningProxy } from '../src/proxy/index.ts';

// A server is killed (SIGKILL) in the middle of the load that comes through the proxy.
const root = resolve(import.meta.dirname, '..');
let folder: string;
let proxy: RunningProxy | undefined;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch-kill-'));
  await compileDeployment(await loadDeployment(join(root, 'conch.config.ts')), { repository: folder });
}, 60_000);
afterEach(async () => {
  await proxy?.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function serve(port = 0): Promise<{ child: ChildProcess; port: number }> {
  const args = ['src/main.ts', 'serve', folder, '--http-port', `${port}`, '--grpc-port', '0', '--metrics-port', '0'];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    const found = /:(\d+)\b/.exec(line)?.[1];
    if (found !== undefined) return { child, port: Number(found) };
  }
  throw new Error(`the server ended with ${child.exitCode}`);
}

/** Requests of both kinds, all different, so that an answer can only be right for its own. */
const requests = Array.from({ length: 40 }, (_, index) =>
  index % 2 === 0
    ? { path: '/models/simple_net', body: { x: Array.from({ length: 10 }, (_, at) => Math.sin(index * 10 + at)) } }
    : { path: '/models/finbert', body: { text: `Profit ${'rose and '.repeat(index % 5)}fell by ${index} percent.` } },
);

async function ask({ path, body }: (typeof requests)[number]) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(proxy!.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

/** The numbers of an answer, as far as batches leave them alone. */
function numbers(answer: Record<string, unknown>): number[] {
  return ((answer.logits ?? [answer.prediction]) as number[]).map((value) => Number(value.toFixed(3)));
}

/** Keeps 16 requests under way and kills `child` after some; says what became of all. */
async function loadAndKill(child: ChildProcess, expected: readonly number[][]) {
  let sent = 0;
  let wrong = 0;
  const failures: { at: number; status: number; code: unknown }[] = [];
  const total = 600;
  const killAt = 200;
  const worker = async () => {
    while (sent < total) {
      const at = sent++;
      if (at === killAt) child.kill('SIGKILL');
      const index = at % requests.length;
      const { status, answer } = await ask(requests[index]!);
      if (status !== 200) failures.push({ at, status, code: answer.code });
      else if (JSON.stringify(numbers(answer)) !== JSON.stringify(expected[index])) wrong++;
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return { wrong, failures, killAt };
}

async function baseline(): Promise<number[][]> {
  const answers = [];
  for (const request of requests) answers.push(numbers((await ask(request)).answer));
  return answers;
}

test('the only server: right answers or none, and right ones again when it is back', async () => {
  const { child, port } = await serve();
  proxy = await startProxy({ server: `http://127.0.0.1:${port}`, port: 0, text: { repository: folder } });
  await proxy.whenReady();
  const expected = await baseline();
  const gone = once(child, 'exit');
  const { wrong, failures, killAt } = await loadAndKill(child, expected);
  await gone;
  expect(wrong).toBe(0);
  // Nothing fails before; those under way at that moment may.
  for (const { at, status, code } of failures) {
    expect(at).toBeGreaterThanOrEqual(killAt - 16);
    expect([status, code]).toEqual([503, 'SERVER_UNREACHABLE']);
  }
  expect(failures.length).toBeGreaterThan(0);
  await serve(port);
  await proxy.whenReady();
  expect(await baseline()).toEqual(expected);
}, 60_000);

test('one of two servers: no more fails than it held', async () => {
  const [first, second] = await Promise.all([serve(), serve()]);
  const server = [first, second].map(({ port }) => ({ url: `http://127.0.0.1:${port}` }));
  proxy = await startProxy({ server, port: 0, text: { repository: folder } });
  await proxy.whenReady();
  const expected = await baseline();
  const { wrong, failures } = await loadAndKill(first.child, expected);
  expect(wrong).toBe(0);
  expect(failures.length).toBeLessThanOrEqual(16);
  expect((await ask(requests[0]!)).status).toBe(200);
}, 60_000);
