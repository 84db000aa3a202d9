import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compileDeployment, deploymentOf } from './index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-compile-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test.each([
  ['', 'model name "": it is empty'],
  ['../x', 'model name "../x": it contains the path separator \'/\''],
])('the name %j is refused before any part of it is built', async (name, message) => {
  const checkpoint = join(import.meta.dirname, '../../examples/finbert/checkpoint');
  const loaded = deploymentOf({ checkpoint, name, out: dir });
  await expect(compileDeployment(loaded, { repository: dir })).rejects.toMatchObject({
    code: 'REPOSITORY_INVALID',
    message,
  });
  expect(await readdir(dir)).toEqual([]);
});
