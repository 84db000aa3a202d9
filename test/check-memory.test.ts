import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CheckMemory, check } from '../src/check/index.ts';
import { defaultTarget } from '../src/onnx/index.ts';
import { type ModelRepository, openRepository } from '../src/repository/index.ts';
import { mutations } from './triton/mutations.ts';
import { modelNames, writeFiles } from './triton/oracle.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-memory-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('checking with a memory finds what checking afresh finds, whichever models change', async () => {
  const memory = new CheckMemory();
  let before: ModelRepository | undefined;
  for (const { files } of mutations(7, 60)) {
    writeFiles(root, files);
    const fresh = await openRepository(root, { inspect: true });
    // As a watcher does it: a model whose text is the same keeps its entry.
    const models = fresh.models.map((model) => {
      const old = before?.models.find(({ name }) => name === model.name);
      return old?.parsed?.text === model.parsed?.text ? (old ?? model) : model;
    });
    before = { ...fresh, models };
    expect(check(before, defaultTarget, { memory })).toEqual(check(fresh, defaultTarget));
  }
  expect(modelNames(root)).toEqual(['a', 'b', 'e']);
});
