import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ModelRepository } from './entry.ts';
import { type RepositoryWatch, watchRepository } from './watch.ts';

let root: string;
let watch: RepositoryWatch;
let snapshots: { repository: ModelRepository; changed: readonly string[] }[];
let arrived: () => void;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch watch-'));
  for (const name of ['a', 'b']) await writeModel(name, 'max_batch_size: 1');
  snapshots = [];
  arrived = () => {};
  watch = await watchRepository(root, {
    onChange: (repository, changed) => {
      snapshots.push({ repository, changed });
      arrived();
    },
    onError: (error) => {
      throw error;
    },
  });
});
afterEach(async () => {
  await watch.close();
  await rm(root, { recursive: true, force: true });
});

async function writeModel(name: string, config: string): Promise<void> {
  await mkdir(join(root, name, '1'), { recursive: true });
  await writeFile(join(root, name, 'config.pbtxt'), config);
}

/** The first snapshot, from now on, that `wanted` accepts. */
async function snapshot(wanted: (repository: ModelRepository) => boolean): Promise<ModelRepository> {
  for (;;) {
    const found = snapshots.find(({ repository }) => wanted(repository));
    if (found) return found.repository;
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
  }
}
const sizeOf = (repository: ModelRepository, name: string) =>
  repository.models.find((model) => model.name === name)?.parsed?.config.max_batch_size;

test('a changed file has its model read again, and the others stay the same objects', async () => {
  const before = watch.repository.models.find((model) => model.name === 'b');
  await writeFile(join(root, 'a/config.pbtxt'), 'max_batch_size: 2');
  const after = await snapshot((repository) => sizeOf(repository, 'a') === 2);
  expect(after.models.find((model) => model.name === 'b')).toBe(before);
});

test('models that come and go are noticed, also by renaming', async () => {
  await writeModel('c', 'max_batch_size: 3');
  await snapshot((repository) => sizeOf(repository, 'c') === 3);
  await rm(join(root, 'a'), { recursive: true });
  await rename(join(root, 'b'), join(root, 'd'));
  const after = await snapshot((repository) => repository.models.map((model) => model.name).join() === 'c,d');
  expect(sizeOf(after, 'd')).toBe(1);
});

test('a change while the first snapshot is being read waits for it', async () => {
  for (let index = 0; index < 60; index++) await writeModel(`m${index}`, 'max_batch_size: 1');
  const errors: unknown[] = [];
  let isOpen = false;
  const opening = watchRepository(root, { settleMs: 0, onChange: () => {}, onError: (error) => errors.push(error) });
  const opened = opening.then(() => {
    isOpen = true;
  });
  while (!isOpen) await writeModel('a', 'max_batch_size: 2');
  await opened;
  await (await opening).close();
  expect(errors).toEqual([]);
});
