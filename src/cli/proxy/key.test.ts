import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeyRing, parseKeys } from '../../proxy/index.ts';
import { conch } from '../testing.ts';
import { accessFrom } from './access.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proxy-key-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('makes a key and adds its line to the file, which only its owner reads', async () => {
  const file = join(folder, 'keys.txt');
  const web = await conch('proxy', 'key', '--name', 'web', '--file', file);
  const admin = await conch('proxy', 'key', '--name', 'ops', '--admin', '--rate', '10/min', '--file', file, '--json');
  expect([web.code, admin.code]).toEqual([0, 0]);
  const ring = new KeyRing(parseKeys(await readFile(file, 'utf8'), file));
  expect(ring.find(web.out.trim())).toMatchObject({ name: 'web', admin: false });
  expect(ring.find(JSON.parse(admin.out).key)).toMatchObject({ name: 'ops', admin: true });
  expect((await stat(file)).mode & 0o077).toBe(0);
  const again = await conch('proxy', 'key', '--name', 'web', '--file', file);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining("has a key 'web' already")]);
});

test('without a file the line is shown', async () => {
  const { out } = await conch('proxy', 'key', '--name', 'web');
  expect(out).toMatch(/^ck-[\w-]{43}\nweb sha256:[0-9a-f]{64}\n$/);
});

test.each([
  [['--name', 'a b'], "'a b' cannot be the name of a key"],
  [[], '--name is missing'],
  [['--name', 'web', '--rate', '5'], 'rate: expected a rate like 100/s'],
])('%j cannot run', async (flags, message) => {
  const { code, err } = await conch('proxy', 'key', ...flags);
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});

test('keys come from a file, from the environment, or from both', () => {
  expect(accessFrom({}, {})).toEqual({});
  expect(accessFrom({ apiKeys: 'keys.txt' }, { CONCH_API_KEYS: 'x' })).toEqual({
    apiKeys: { file: 'keys.txt', text: 'x' },
  });
});
