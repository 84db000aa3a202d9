import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { conch } from './testing.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-env-'));
  vi.stubEnv('CONCH_CACHE', dir);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

test('env --check says what is there and what is missing, and makes nothing', async () => {
  const { code, out } = await conch('env', '--check');
  expect(code).toBe(1);
  expect(out).toMatch(/torch +2\.\d+\.\d+ +missing/);
  expect(out).toContain('`conch env` makes it in');
  const json = await conch('env', '--check', '--json');
  expect(json.code).toBe(1);
  const report = JSON.parse(json.out);
  expect(report).toMatchObject({
    complete: false,
    packages: expect.arrayContaining([{ name: 'onnx', wanted: expect.any(String) }]),
  });
  expect(report.missing).toHaveLength(report.packages.length);
  expect(report.dir.startsWith(dir)).toBe(true);
});

test('an interpreter that is none is told before anything is made', async () => {
  vi.stubEnv('PATH', dir);
  const { code, err } = await conch('env', '--python', '/none/python3');
  expect(code).toBe(2);
  expect(err).toContain('Python 3.11 to 3.14 is needed: /none/python3 cannot be started');
});
