import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from './free-port.ts';

let dir: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-scripts-'));
  await copyFile('examples/simple_net/weights.safetensors', join(dir, 'weights.safetensors'));
  const layers = [{ name: 'net.0', activation: 'relu' }, { name: 'net.2', activation: 'relu' }, { name: 'net.4' }];
  const net = { weights: 'weights.safetensors', layers };
  await writeFile(
    join(dir, 'conch.config.mjs'),
    `export default ${JSON.stringify({ models: { simple_net: net, other: net } })};`,
  );
});
afterEach(async () => {
  if (child?.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

/** Runs a script in its own process group until it has printed both patterns. */
async function started(script: string, argv: readonly string[], ...patterns: RegExp[]): Promise<() => string> {
  let text = '';
  child = spawn(resolve('scripts', script), [...argv], { cwd: dir, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit').then(([code]) => `it ended with ${code}`);
  await new Promise<void>((done, fail) => {
    for (const stream of [child!.stdout!, child!.stderr!]) {
      stream.on('data', (data) => {
        text += data;
        if (patterns.every((pattern) => pattern.test(text))) done();
      });
    }
    void ended.then((why) => fail(new Error(`${why}:\n${text}`)));
  });
  return () => text;
}

test('dev_start serves the model that is named, with the proxy in front, and ends well at SIGTERM', async () => {
  const [http, proxy] = [await freePort(), await freePort()];
  const argv = ['--load-model=simple_net', `--http-port=${http}`, `--port=${proxy}`, '--allow-grpc=false'];
  const text = await started('dev_start', [...argv, '--allow-metrics=false'], /serving simple_net at/, /proxy at/);
  const index = await fetch(`http://127.0.0.1:${http}/v2/repository/index`, { method: 'POST' });
  const models = (await index.json()) as { name: string; state?: string }[];
  expect(models.filter(({ state }) => state === 'READY').map(({ name }) => name)).toEqual(['simple_net']);
  expect((await fetch(`http://127.0.0.1:${proxy}/health`)).ok).toBe(true);
  child!.kill('SIGTERM');
  const [code] = await once(child!, 'exit');
  expect(text()).toContain('stopping: finishing the requests under way');
  expect(code).toBe(0);
});

test('start does all of it once', async () => {
  const ports = ['--http-port=0', '--metrics-port=0', '--port=0'];
  child = spawn(resolve('scripts/start'), ['--once', ...ports], { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout!.on('data', (data) => {
    text += data;
  });
  const [code] = await once(child, 'close');
  expect(text).toContain('simple_net');
  expect(code).toBe(0);
});

test('with --engine triton and no Docker it says so', async () => {
  child = spawn(resolve('scripts/start'), ['--engine', 'triton'], {
    cwd: dir,
    env: { ...process.env, PATH: '/usr/bin:/bin', DOCKER_HOST: 'unix:///nowhere.sock' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr!.on('data', (data) => {
    text += data;
  });
  const [code] = await once(child, 'close');
  expect(text).toContain('Triton cannot be started in Docker');
  expect(code).toBe(2);
});
