import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type GeneratedFile, type WriteOptions, writeFiles } from './write-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch-write-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const first: GeneratedFile[] = [
  { path: 'a.yml', text: 'a: 1\n' },
  { path: 'deep/er/b.yml', text: 'b: 1\n' },
  { path: '.env', text: 'SECRET=1\n', once: true, mode: 0o600 },
];
const write = (files = first, options: Partial<WriteOptions> = {}) =>
  writeFiles(files, { dir, kind: 'test', ...options });
const text = (path: string) => readFile(join(dir, path), 'utf8');

test('files are written, then left alone, changed and removed as the generator wants', async () => {
  expect((await write()).map(({ status }) => status)).toEqual(['new', 'new', 'new']);
  expect((await stat(join(dir, '.env'))).mode & 0o777).toBe(0o600);
  expect((await write()).map(({ status }) => status)).toEqual(['unchanged', 'unchanged', 'kept']);
  const changed = [
    { path: 'a.yml', text: 'a: 2\n' },
    { ...first[2]!, text: 'SECRET=2\n' },
  ];
  expect(await write(changed)).toEqual([
    { path: 'a.yml', status: 'changed' },
    { path: '.env', status: 'kept' },
    { path: 'deep/er/b.yml', status: 'removed' },
  ]);
  expect(await text('a.yml')).toBe('a: 2\n');
  expect(await text('.env')).toBe('SECRET=1\n');
  expect((await readdir(dir)).sort()).toEqual(['.conch-deploy.json', '.env', 'a.yml']);
});

test('what was edited by hand stays, and so does everything else, unless it is forced', async () => {
  await write();
  await writeFile(join(dir, 'a.yml'), 'mine\n');
  await writeFile(join(dir, 'deep/er/b.yml'), 'mine too\n');
  const changed = [
    { path: 'a.yml', text: 'a: 2\n' },
    { path: 'new.yml', text: '' },
  ];
  await expect(write(changed)).rejects.toThrow('edited by hand or written by something else: a.yml, deep/er/b.yml');
  expect(await text('a.yml')).toBe('mine\n');
  expect(await readdir(dir)).not.toContain('new.yml');
  await expect(write(changed, { dryRun: true })).rejects.toMatchObject({ code: 'FILE_NOT_WRITTEN' });
  await write(changed, { force: true });
  expect(await text('a.yml')).toBe('a: 2\n');
});

test('a file that conch did not write counts as edited', async () => {
  await writeFile(join(dir, 'a.yml'), 'somebody else\n');
  await expect(write()).rejects.toThrow('edited by hand or written by something else: a.yml');
  await writeFile(join(dir, 'a.yml'), 'a: 1\n');
  expect((await write())[0]).toEqual({ path: 'a.yml', status: 'unchanged' });
});

test('a dry run writes nothing', async () => {
  expect((await write(first, { dryRun: true }))[0]).toEqual({ path: 'a.yml', status: 'new' });
  expect(await readdir(dir)).toEqual([]);
});

test('a folder belongs to one generator, and its record is read with care', async () => {
  await write();
  await expect(write(first, { kind: 'other' })).rejects.toThrow(`${dir} holds files for test`);
  await writeFile(join(dir, '.conch-deploy.json'), '{"kind":"test","files":{"../../outside":"sha256:0"}}');
  await write();
  await writeFile(join(dir, '.conch-deploy.json'), 'no JSON');
  await expect(write()).rejects.toThrow('.conch-deploy.json is not what conch wrote');
});

test.skipIf(process.getuid?.() === 0)('a folder that takes no files is told', async () => {
  await chmod(dir, 0o500);
  await expect(write()).rejects.toMatchObject({ code: 'FILE_NOT_WRITTEN' });
});

test.skipIf(process.platform !== 'linux')('so is one where nothing can be made', async () => {
  await expect(write(first, { dir: '/proc/nowhere' })).rejects.toMatchObject({ code: 'FILE_NOT_WRITTEN' });
});
