import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeConfigFile } from './index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-config-file-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('a text takes the place of the old one, and nothing is left beside it', async () => {
  const path = join(dir, 'config.pbtxt');
  await writeConfigFile(path, 'first');
  await chmod(path, 0o640);
  await writeConfigFile(path, 'second');
  expect(await readFile(path, 'utf8')).toBe('second');
  expect((await stat(path)).mode & 0o777).toBe(0o640);
  expect(await readdir(dir)).toEqual(['config.pbtxt']);
});

test('a link stays a link', async () => {
  await mkdir(join(dir, 'real'));
  await writeFile(join(dir, 'real/a.pbtxt'), 'first');
  await symlink('real/a.pbtxt', join(dir, 'config.pbtxt'));
  await writeConfigFile(join(dir, 'config.pbtxt'), 'second');
  expect((await lstat(join(dir, 'config.pbtxt'))).isSymbolicLink()).toBe(true);
  expect(await readFile(join(dir, 'real/a.pbtxt'), 'utf8')).toBe('second');
});

test('what cannot be written is named, and nothing is left', async () => {
  await mkdir(join(dir, 'config.pbtxt'));
  await expect(writeConfigFile(join(dir, 'config.pbtxt'), 'x')).rejects.toMatchObject({
    code: 'FILE_NOT_WRITTEN',
    message: expect.stringMatching(/config\.pbtxt cannot be written: EISDIR$/),
  });
  expect(await readdir(dir)).toEqual(['config.pbtxt']);
  await expect(writeConfigFile(join(dir, 'none/config.pbtxt'), 'x')).rejects.toThrow(
    'config.pbtxt cannot be written: no such file or folder',
  );
});
