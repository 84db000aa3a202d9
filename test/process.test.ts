import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The command as a process of its own: what it prints, how it stops, what its exit code says.
const root = resolve(import.meta.dirname, '..');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conch process-'));
  await cp(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  await cp(join(root, 'conch.config.ts'), join(folder, 'conch.config.ts'));
  const { code, err } = await finished(conch('compile'));
  expect(err).toContain('ok finbert: ');
  expect(code).toBe(0);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function conch(...argv: string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'src/main.ts'), ...argv], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function finished(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  const parts = { out: '', err: '' };
  child.stdout!.on('data', (data) => {
    parts.out += data;
  });
  child.stderr!.on('data', (data) => {
    parts.err += data;
  });
  const [code] = await once(child, 'close');
  return { code, ...parts };
}

/** The first line of standard output that `pattern` matches. */
async function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpMatchArray> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const match = line.match(pattern);
    if (match) return match;
  }
  throw new Error(`the process ended without printing ${pattern}`);
}

test('conch serve answers, and the first Ctrl-C ends it well', async () => {
  const child = conch('serve', '--http-port', '0', '--grpc-port', '0', '--metrics-port', '0');
  const [, url] = await printed(child, /^serving .* at (http:\S+)$/);
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
  const ended = finished(child);
  child.kill('SIGINT');
  expect((await ended).code).toBe(0);
});

test('serving sends nobody usage data, and leaves nothing in the temporary folder', async () => {
  const temporary = await mkdtemp(join(tmpdir(), 'conch-process-'));
  const child = spawn(
    process.execPath,
    [join(root, 'src/main.ts'), 'serve', '--http-port', '0', '--metrics-port', '0', '--grpc-port', '0'],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: temporary },
    },
  );
  await printed(child, /^serving .* at (http:\S+)$/);
  // ONNX Runtime's telemetry makes a log file as soon as it starts.
  const whileServing = await readdir(temporary);
  child.kill('SIGTERM');
  await finished(child);
  expect([whileServing, await readdir(temporary)]).toEqual([[], []]);
  await rm(temporary, { recursive: true });
});

test('conch serve in mode explicit loads by request, tells what failed, and answers for it', async () => {
  const models = join(folder, 'controlled');
  await cp(join(folder, 'models/simple_net'), join(models, 'simple_net'), { recursive: true });
  await cp(join(folder, 'models/simple_net'), join(models, 'broken'), { recursive: true });
  const ports = ['--http-port', '0', '--metrics-port', '0', '--grpc-port', '0'];
  const child = conch(
    'serve',
    models,
    ...ports,
    '--model-control-mode=explicit',
    '--load-model=broken',
    '--exit-on-error=false',
  );
  const [, url] = await printed(child, /^serving no model yet at (http:\S+)$/);
  const post = (path: string, body = '') => fetch(url + path, { method: 'POST', body });
  expect(await (await post('/v2/repository/index')).json()).toEqual([
    { name: 'broken', state: 'UNAVAILABLE', reason: expect.stringContaining("the model's folder is 'broken'") },
    { name: 'simple_net' },
  ]);
  expect((await post('/v2/repository/models/simple_net/load')).status).toBe(200);
  expect((await fetch(`${url}/v2/models/simple_net/ready`)).status).toBe(200);
  expect((await post('/v2/repository/models/broken/load')).status).toBe(400);
  const ended = finished(child);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test('conch proxy --repository starts its own server', async () => {
  const child = conch('proxy', '--port', '0');
  const [, url] = await printed(child, /^proxy at (http:\S+), /);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ text: 'Sales rose.' });
  const response = await fetch(`${url}/models/finbert`, { method: 'POST', headers, body });
  expect(await response.json()).toMatchObject({ label: expect.any(String) });
  const ended = finished(child);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test('conch start --once --json reports everything and ends with 0', async () => {
  const { code, out } = await finished(
    conch('start', '--once', '--json', '--quiet', '--http-port', '0', '--metrics-port', '0', '--port', '0'),
  );
  const report = JSON.parse(out);
  expect(report).toMatchObject({ passed: true, checked: { errors: 0, warnings: 0 } });
  expect(report.compiled.models.map((model: { action: string }) => model.action)).toEqual(Array(4).fill('unchanged'));
  expect(report.validated.map((one: { model: string }) => one.model)).toEqual(['simple_net', 'finbert']);
  expect(code).toBe(0);
});

test('conch validate ends with 1 when the served model departs', async () => {
  const expectFile = join(folder, 'wrong.jsonl');
  await writeFile(expectFile, '{"text": "Sales rose.", "logits": [0, 0, 100]}\n');
  const { code, out } = await finished(conch('validate', 'finbert', '--expect', expectFile));
  expect(out).toContain('MISSED: 1 of 1 line is not within');
  expect(code).toBe(1);
});

test('conch check ends with 1 on an error, naming file and line', async () => {
  const models = join(folder, 'broken models');
  await cp(join(folder, 'models'), models, { recursive: true });
  await writeFile(join(models, 'simple_net/config.pbtxt'), 'name: "simple_net"\nmax_batchsize: 4\n');
  const { code, out } = await finished(conch('check', models));
  expect(out).toContain('simple_net/config.pbtxt:2:1 error');
  expect(out).toContain('max_batch_size');
  expect(code).toBe(1);
});

test('a port that is taken is named, with the flag that changes it', async () => {
  const first = conch('serve', '--http-port', '0', '--grpc-port', '0', '--metrics-port', '0');
  const [, url] = await printed(first, /^serving .* at (http:\S+)$/);
  const { port } = new URL(url!);
  const second = await finished(conch('serve', '--http-port', port, '--grpc-port', '0', '--metrics-port', '0'));
  expect(second.err).toContain(port);
  expect(second.err).toContain('--http-port');
  expect(second.code).toBe(2);
  first.kill('SIGINT');
  await once(first, 'close');
});
