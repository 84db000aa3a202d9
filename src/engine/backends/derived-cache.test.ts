import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DerivedCache } from './derived-cache.ts';

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'conch-cache-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes `text` to a file of the draft, and counts how often it was asked to. */
function builder(text: string) {
  const built = { count: 0 };
  const build = async (dir: string) => {
    built.count++;
    writeFileSync(join(dir, 'weights'), text);
  };
  return { built, build };
}

const content = (dir: string) => readFileSync(join(dir, 'weights'), 'utf8');

describe('entries', () => {
  test('are built once, by one process and for the next', async () => {
    const root = folder();
    const { built, build } = builder('abc');
    const cache = new DerivedCache(root, 1e6);
    const [a, b] = await Promise.all([cache.entry('k', build), cache.entry('k', build)]);
    expect(a).toBe(b);
    expect(content(await new DerivedCache(root, 1e6).entry('k', build))).toBe('abc');
    expect(built.count).toBe(1);
    expect(readdirSync(root)).toEqual(['k']);
  });

  test.each([
    ['shortened', (dir: string) => writeFileSync(join(dir, 'weights'), 'ab')],
    ['changed in place', (dir: string) => writeFileSync(join(dir, 'weights'), 'abd')],
    ['without its files', (dir: string) => rmSync(join(dir, 'weights'))],
    ['without its manifest', (dir: string) => rmSync(join(dir, 'entry.json'))],
    ['with a manifest of something else', (dir: string) => writeFileSync(join(dir, 'entry.json'), '{"weights":1}')],
  ])('%s: made anew', async (_, damage) => {
    const root = folder();
    const { built, build } = builder('abc');
    damage(await new DerivedCache(root, 1e6).entry('k', build));
    expect(content(await new DerivedCache(root, 1e6).entry('k', build))).toBe('abc');
    expect(built.count).toBe(2);
  });

  test('copied or touched: good by their content', async () => {
    const [root, copy] = [folder(), folder()];
    const { built, build } = builder('abc');
    const dir = await new DerivedCache(root, 1e6).entry('k', build);
    cpSync(dir, join(copy, 'k'), { recursive: true });
    utimesSync(join(copy, 'k', 'weights'), 1, 1);
    expect(content(await new DerivedCache(copy, 1e6).entry('k', build))).toBe('abc');
    expect(built.count).toBe(1);
  });

  test('whose building fails leave nothing, and can be tried again', async () => {
    const root = folder();
    const cache = new DerivedCache(root, 1e6);
    const fail = async (dir: string) => {
      writeFileSync(join(dir, 'weights'), 'half');
      throw new Error('no room');
    };
    await expect(cache.entry('k', fail)).rejects.toThrow('no room');
    expect(readdirSync(root)).toEqual([]);
    expect(content(await cache.entry('k', builder('abc').build))).toBe('abc');
  });

  test('of two processes that build at once the first stays', async () => {
    const root = folder();
    const { promise: bothBuild, resolve } = Promise.withResolvers<void>();
    let building = 0;
    const slow = (text: string) => async (dir: string) => {
      writeFileSync(join(dir, 'weights'), text);
      if (++building === 2) resolve();
      await bothBuild;
    };
    const dirs = await Promise.all(['one', 'two'].map((text) => new DerivedCache(root, 1e6).entry('k', slow(text))));
    expect(dirs).toEqual([join(root, 'k'), join(root, 'k')]);
    expect(['one', 'two']).toContain(content(join(root, 'k')));
    expect(readdirSync(root)).toEqual(['k']);
  });

  test('longest unused go when there are too many bytes, but none in use', async () => {
    const root = folder();
    const names = ['a', 'b', 'c'];
    for (const name of names) {
      await new DerivedCache(root, 100).entry(name, builder('x'.repeat(40)).build);
      utimesSync(join(root, name), 1000 + names.indexOf(name), 1000 + names.indexOf(name));
      if (name === 'a') expect(existsSync(join(root, 'a'))).toBe(true);
    }
    expect(readdirSync(root).sort()).toEqual(['b', 'c']);
    const cache = new DerivedCache(root, 100);
    await cache.entry('b', builder('').build);
    utimesSync(join(root, 'b'), 1, 1);
    await cache.entry('d', builder('x'.repeat(40)).build);
    expect(readdirSync(root).sort()).toEqual(['b', 'd']);
    cache.release('b');
    await cache.entry('e', builder('x'.repeat(40)).build);
    expect(readdirSync(root).sort()).toEqual(['d', 'e']);
  });
});

test('the hash of contents follows them, wherever they are and whatever was remembered', async () => {
  const [root, files] = [folder(), folder()];
  const path = join(files, 'model');
  const cache = new DerivedCache(root, 1e6);
  writeFileSync(path, 'one');
  const first = await cache.contentOf([path]);
  expect(await new DerivedCache(root, 1e6).contentOf([path])).toBe(first);
  writeFileSync(path, 'two');
  const second = await cache.contentOf([path]);
  expect(second).not.toBe(first);
  writeFileSync(join(files, 'other'), 'two');
  expect(await cache.contentOf([join(files, 'other')])).toBe(second);
});
