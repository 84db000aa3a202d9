import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTokenizer, type TextTokenizer } from '../src/text/index.ts';

// Awkward texts with whole vocabularies against transformers; the golden files come from python/make_golden.py. Those of
// all-MiniLM-L6-v2 need its tokenizer.json: `npm run fetch:minilm` fetches it, CONCH_MINILM names its folder.
const root = join(import.meta.dirname, '..');
const minilm = process.env.CONCH_MINILM;

interface Golden {
  text: string;
  ids: number[];
  type_ids: number[];
}

/** The folder's tokenizer, without the truncation that its tokenizer.json may ask for: transformers sets its own. */
async function open(folder: string, maxLength: number): Promise<TextTokenizer> {
  const json = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8'));
  return createTokenizer({ ...json, truncation: null }, { maxLength });
}

async function compare(name: string, folder: string, maxLength: number): Promise<void> {
  const tokenizer = await open(folder, maxLength);
  const lines = (await readFile(join(root, `test/golden/tokenizer-${name}.jsonl`), 'utf8')).trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(40);
  for (const line of lines) {
    const { text, ids, type_ids } = JSON.parse(line) as Golden;
    expect(tokenizer.encode(text), JSON.stringify(text.slice(0, 60))).toEqual({ ids, typeIds: type_ids });
  }
}

test("the example's tokenizer gives the ids of Python's", () =>
  compare('finbert', join(root, 'examples/finbert/checkpoint'), 128));

test.skipIf(!minilm)("all-MiniLM-L6-v2's tokenizer gives the ids of Python's", () => compare('minilm', minilm!, 512));
