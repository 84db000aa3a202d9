// biome-ignore-all lint/suspicious/noExplicitAny: tests edit JSON of any shape.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { compileDeployment, deploymentOf } from './index.ts';

const example = join(import.meta.dirname, '../../examples/finbert/checkpoint');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch fit-'));
  await cp(example, join(dir, 'checkpoint'), { recursive: true });
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function compile(): Promise<void> {
  const loaded = deploymentOf({ checkpoint: join(dir, 'checkpoint'), name: 'm' });
  await compileDeployment(loaded, { repository: join(dir, 'models') });
}
const written = () => readdir(join(dir, 'models')).catch(() => []);

async function edit(name: string, change: (json: any) => void): Promise<void> {
  const file = join(dir, 'checkpoint', name);
  const json = JSON.parse(await readFile(file, 'utf8'));
  change(json);
  await writeFile(file, JSON.stringify(json));
}

test('a vocabulary larger than the embedding is refused before anything is written', async () => {
  const { vocab_size } = JSON.parse(await readFile(join(example, 'config.json'), 'utf8'));
  await rm(join(dir, 'checkpoint/tokenizer.json'));
  const vocab = join(dir, 'checkpoint/vocab.txt');
  await writeFile(vocab, `${(await readFile(vocab, 'utf8')).trimEnd()}\nextra1\nextra2\n`);
  await expect(compile()).rejects.toMatchObject({
    code: 'TOKENIZER_INVALID',
    message: expect.stringContaining(
      `token 'extra2' has id ${vocab_size + 1}, but config.json says vocab_size ${vocab_size}: ids must be below it`,
    ),
  });
  expect(await written()).toEqual([]);
});

test('an added token beyond the embedding is refused', async () => {
  await edit('tokenizer.json', (json) =>
    json.added_tokens.push({ ...json.added_tokens[0], id: 999999, content: '[FAR]' }),
  );
  await expect(compile()).rejects.toThrow("token '[FAR]' has id 999999, but config.json says vocab_size");
  expect(await written()).toEqual([]);
});

test('a tokenizer that puts no special tokens around a text is refused', async () => {
  await edit('tokenizer.json', (json) => {
    json.post_processor = null;
  });
  await expect(compile()).rejects.toThrow('no special tokens are put around a text');
});

test('the example itself fits', async () => {
  await compile();
  expect(await written()).toEqual(['m', 'm-model', 'm-tokenizer']);
});
