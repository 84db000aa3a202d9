import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../src/cli/index.ts';
import { codeSpans, pages, root } from './docs/blocks.ts';
import { commandFaults, conchArguments } from './docs/command-faults.ts';
import { Session } from './docs/session.ts';
import { shellCommands } from './docs/shell.ts';

// The pages' commands, run in the order in which they stand; those that cannot be say why, and are held against the tables.
const all = pages();
const shells = ['sh', ''];
/** Pages whose reader has compiled nothing yet. */
const fresh = new Set(['docs/guide/first-model.md']);

let work: string;
const before = process.cwd();
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'conch-docs-'));
  // A search goes on from its journal: not from one that an earlier run left.
  process.env.CONCH_CACHE = join(work, 'cache');
  await clone(join(work, 'compiled'));
  process.chdir(join(work, 'compiled'));
  expect(await run(['compile', '--quiet'], { stdout: { write() {} } })).toBe(0);
  await cp('models/simple_net/1/model.onnx', 'model.onnx');
});
afterAll(async () => {
  process.chdir(before);
  await rm(work, { recursive: true, force: true });
});

/** What a clone has, and what the pages suppose that a reader has of his own. */
async function clone(folder: string): Promise<void> {
  await cp(join(root, 'examples'), join(folder, 'examples'), { recursive: true });
  await cp(join(root, 'conch.config.ts'), join(folder, 'conch.config.ts'));
  await cp(join(root, 'examples/finbert/checkpoint'), join(folder, 'my-checkpoint'), { recursive: true });
  await cp(join(root, 'examples/finbert/expected.jsonl'), join(folder, 'reference.jsonl'));
}

describe('what the pages show is so by the tables', () => {
  test.each(all.map((page) => [page.path, page] as const))('%s', (_, { blocks, text }) => {
    const lines = blocks
      .filter(({ language }) => shells.includes(language))
      .flatMap((block) => (block.language === 'sh' ? shellCommands(block.text) : consoleCommands(block.text)));
    const faults = lines.flatMap(({ words }) => commandFaults(words));
    const spans = codeSpans(text).filter((span) => /^(conch [a-z]|npm )/.test(span));
    const inText = spans.flatMap((span) => commandFaults(span.replaceAll(/[`'"]/g, '').split(/\s+/), { whole: false }));
    expect([...faults, ...inText]).toEqual([]);
  });
});

/** Lines of a block without a language that call `conch`, with a prompt before them or none. */
function consoleCommands(text: string) {
  const lines = text.split('\n').filter((line) => /^(\$ )?conch [a-z]/.test(line));
  return shellCommands(lines.map((line) => line.replace(/^\$ /, '')).join('\n'));
}

describe('links lead somewhere', () => {
  test.each(all.map((page) => [page.path, page] as const))('%s', (_, { path, text }) => {
    const links = [...text.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to!);
    expect(links.filter((to) => !/^[a-z]+:/.test(to) && !leads(path, to))).toEqual([]);
  });
});

function leads(from: string, to: string): boolean {
  const [file = '', anchor] = to.split('#');
  const path = file === '' ? join(root, from) : resolve(root, dirname(from), file);
  if (!existsSync(path)) return false;
  if (anchor === undefined) return true;
  const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading!);
  return headings
    .map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    )
    .includes(anchor);
}

describe('every block of commands runs, or says why not', () => {
  const withCommands = all.filter(
    ({ path, blocks }) => !path.startsWith('docs/reference/') && blocks.some(({ language }) => language === 'sh'),
  );
  test.each(withCommands.map((page) => [page.path, page] as const))('%s', async (path, { blocks }) => {
    const folder = join(work, path.replaceAll('/', '-'));
    if (fresh.has(path)) await clone(folder);
    else await cp(join(work, 'compiled'), folder, { recursive: true });
    process.chdir(folder);
    const session = new Session(folder);
    try {
      for (const block of blocks) {
        if (block.notRun !== undefined || !(block.language === 'sh' || block.file !== undefined)) continue;
        await session.run(block).catch((error: Error) => {
          throw new Error(`${path}:${block.line}: ${error.message}`, { cause: error });
        });
      }
    } finally {
      await session.close();
      process.chdir(before);
    }
  });
});

describe('the test finds what is wrong', () => {
  test.each([
    ['conch compil', 'conch has no command compil'],
    ['conch check models --colour', 'conch check has no flag --colour'],
    ['conch check models --format yaml', '--format takes text,json,sarif,github, not yaml'],
    ['conch config shew models', "conch config has no command 'shew'"],
    ['conch validate', 'conch validate takes <model>, not 0 of them'],
    ['conch proxy key models', 'conch key takes no argument, not 1 of them'],
    ['npm run tests', 'package.json has no script tests'],
  ])('%s', (line, fault) => expect(commandFaults(line.split(' '))).toEqual([fault]));

  test('words, quotes, comments and continued lines', () => {
    const source = 'conch check models # said\ncurl \\\n  -d \'{"a": [1,\n2]}\' && conch env';
    expect(shellCommands(source).map(({ words }) => words)).toEqual([
      ['conch', 'check', 'models'],
      ['curl', '-d', '{"a": [1,\n2]}'],
      ['conch', 'env'],
    ]);
    expect(conchArguments(['npm', 'run', '-s', 'conch', '--', 'check'])).toEqual(['check']);
  });
});
