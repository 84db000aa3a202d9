import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashValue } from '../../src/base/index.ts';
import { cases } from './cases/index.ts';
import { judge } from './judge.ts';
import { knownDifferences } from './known-differences.ts';
import { writeFiles } from './oracle.ts';
import { readRecorded } from './recorded.ts';

// What conch says about each case, against what a real Triton said when `npm run record:triton` asked it.
const recorded = readRecorded();
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'conch-cases-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Cases that only another server, or running the model's code, could judge. */
const notForThisServer: Record<string, [string, string][]> = {
  'model: agent that is not there': [['m', 'agent nothing']],
  'model: backend that is not there': [['m', 'backend nothing']],
  'model: code that does not import': [['m', 'Python code that fails here']],
  'model: runtime that is not there': [['m', 'backend libtriton_nothing.so']],
};

test.each(cases)('$name', async (one) => {
  const answer = recorded[one.name];
  expect(answer?.files, 'not recorded: run npm run record:triton').toBe(hashValue(one.files));
  writeFiles(root, one.files);
  const { disagreements, setAside } = await judge(root, answer!);
  expect(new Map(setAside)).toEqual(new Map(notForThisServer[one.name]));
  if (one.name in knownDifferences) expect(disagreements).not.toEqual([]);
  else expect(disagreements).toEqual([]);
});
