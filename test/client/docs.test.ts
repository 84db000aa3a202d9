import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as library from '../../src/client/index.ts';
import type { RunningServer } from '../../src/server/index.ts';
import { serveModels } from '../web/models.ts';

const text = readFileSync(join(resolve(import.meta.dirname, '../..'), 'docs/client.md'), 'utf8');
const blocks = [...text.matchAll(/```ts\n\/\/ runs\n([\s\S]*?)```/g)].map((match) => match[1]!);
/** What each block prints, in the order of the page. */
const printed = [
  [['prediction', [expect.any(Number)]]],
  [[[1, 1]]],
  [
    [
      [
        [false, 0],
        [false, 0],
      ],
    ],
  ],
  [['SERVER_ERROR', 'NOT_FOUND']],
];

let server: RunningServer;
beforeAll(async () => {
  server = await serveModels();
});
afterAll(() => server?.close());

test('every block that says so is run here', () => expect(blocks).toHaveLength(printed.length));

test.each(blocks.map((code, index) => [index, code] as const))('block %d of docs/client.md', async (index, code) => {
  const lines: unknown[][] = [];
  const names = [...code.matchAll(/import \{([^}]+)\} from 'conch-triton\/client';/g)].flatMap((match) =>
    match[1]!.split(','),
  );
  const body = code.replaceAll(/import .*\n/g, '');
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const run = new AsyncFunction('library', 'url', 'console', `const {${names.join(',')}} = library;\n${body}`);
  await run(library, server.url, { log: (...line: unknown[]) => lines.push(line) });
  expect(lines).toEqual(printed[index]);
});
