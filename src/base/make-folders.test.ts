import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolders } from './index.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch folders '));
});
afterAll(() => rm(dir, { recursive: true }));

test('all that are missing are made, and those that are there stay', async () => {
  const path = join(dir, 'a/b/c');
  await makeFolders(path);
  await makeFolders(path);
  expect((await stat(path)).isDirectory()).toBe(true);
});

test('nothing is made below a file', async () => {
  await writeFile(join(dir, 'file'), '');
  await expect(makeFolders(join(dir, 'file/a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.skipIf(process.platform !== 'linux')('a folder that takes no entries is told at once', async () => {
  await expect(makeFolders('/proc/nowhere/a')).rejects.toMatchObject({ code: 'ENOENT' });
});
