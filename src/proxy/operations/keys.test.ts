import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from '../../base/index.ts';
import { openKeys } from './key-file.ts';
import { KeyRing, keyLine, makeKey, parseKeys } from './keys.ts';
import { readRate, TokenBucket } from './token-bucket.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a key is 256 random bits, and its line holds none of them', () => {
  const keys = new Set(Array.from({ length: 50 }, makeKey));
  expect(keys.size).toBe(50);
  for (const key of keys) expect(key).toMatch(/^ck-[A-Za-z0-9_-]{43}$/);
  const [key] = keys as Set<string> & Iterable<string>;
  const line = keyLine('web', key!, { admin: true, rate: '5/s' });
  expect(line).toMatch(/^web sha256:[0-9a-f]{64} admin rate=5\/s$/);
  expect(line).not.toContain(key!.slice(3));
  const ring = new KeyRing(parseKeys(line, 'x'));
  expect(ring.find(key!)).toMatchObject({ name: 'web', admin: true });
  expect(ring.find(`${key}x`)).toBeUndefined();
  expect(ring.find('')).toBeUndefined();
});

test.each([
  ['web', "keys:1: key 'web': expected sha256: and 64 hex digits after the name"],
  ['a/b sha256:00', 'keys:1: expected a name of letters, digits, dots, hyphens and underscores'],
  [`web sha256:${'0'.repeat(63)}`, "keys:1: key 'web': expected sha256:"],
  [`\n# c\nweb sha256:${'0'.repeat(64)} root`, "keys:3: key 'web': after the hash come only admin and rate="],
  [`web sha256:${'0'.repeat(64)} rate=5`, "keys:1: key 'web': rate: expected a rate like 100/s"],
  [`web sha256:${'0'.repeat(64)}; web sha256:${'1'.repeat(64)}`, "keys:2: key 'web' stands there twice"],
])('lines that are no keys are named: %s', (text, message) => {
  expect(() => parseKeys(text, 'keys')).toThrow(message);
});

test('a key that was pasted in place of its hash is not repeated', () => {
  const key = makeKey();
  for (const text of [`web ${key}`, key, `web sha256:${'0'.repeat(64)} ${key}`]) {
    expect(() => parseKeys(text, 'keys')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(key) }),
    );
  }
});

test('a bucket lets through bursts up to its count and the average over time', () => {
  let now = 0;
  const bucket = new TokenBucket(readRate('6/min', 'rate'), () => now);
  expect(Array.from({ length: 6 }, () => bucket.take())).toEqual([0, 0, 0, 0, 0, 0]);
  expect(bucket.take()).toBe(10_000);
  now = 9999;
  expect(bucket.take()).toBeCloseTo(1, 6);
  now = 10_000;
  expect([bucket.take(), bucket.left]).toEqual([0, 0]);
  now = 3_600_000;
  expect(Array.from({ length: 7 }, () => bucket.take() > 0)).toEqual([false, false, false, false, false, false, true]);
});

test('replacing the keys keeps what the bucket of one that stays holds', () => {
  const key = makeKey();
  const ring = new KeyRing(parseKeys(keyLine('web', key, { rate: '1/h' }), 'x'), () => 0);
  expect(ring.find(key)!.bucket!.take()).toBe(0);
  ring.replace(parseKeys(`${keyLine('web', key, { rate: '1/h' })}\n${keyLine('ci', makeKey())}`, 'x'));
  expect(ring.find(key)!.bucket!.take()).toBeGreaterThan(0);
  ring.replace(parseKeys(keyLine('web', key, { rate: '2/h' }), 'x'));
  expect(ring.find(key)!.bucket!.take()).toBe(0);
});

test('a file of keys is read again when it changes; one that is broken changes nothing', async () => {
  const [first, second] = [makeKey(), makeKey()];
  const file = join(folder, 'keys.txt');
  const replace = async (text: string) => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  await replace(keyLine('web', first));
  const keys = await openKeys({ file, text: keyLine('fixed', makeKey()) }, logger, { everyMs: 5 });
  try {
    expect(keys.ring.names).toEqual(['fixed', 'web']);
    await replace(`web ${second}`);
    await vi.waitFor(() => expect(lines.join('')).toContain('the API keys stay as they were'));
    expect(keys.ring.find(first)?.name).toBe('web');
    await replace(keyLine('web', second));
    await vi.waitFor(() => expect(keys.ring.find(second)?.name).toBe('web'));
    expect(keys.ring.find(first)).toBeUndefined();
    expect(lines.join('')).not.toContain(second);
  } finally {
    keys.close();
  }
});

test('sources without a key, unreadable ones and names in both are mistakes', async () => {
  const logger = createLogger('silent');
  await expect(openKeys({ file: join(folder, 'none') }, logger)).rejects.toThrow('none cannot be read');
  await expect(openKeys({ text: '# nothing' }, logger)).rejects.toThrow('CONCH_API_KEYS holds no key');
  const file = join(folder, 'keys.txt');
  await writeFile(file, keyLine('web', makeKey()));
  await expect(openKeys({ file, text: keyLine('web', makeKey()) }, logger)).rejects.toThrow("key 'web' stands in");
});
