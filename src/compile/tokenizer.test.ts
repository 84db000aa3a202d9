import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configToJson, parseConfig, printConfig } from '../config/index.ts';
import { createTokenizer, readTokenizer } from '../text/index.ts';
import { text, textPair, tokenizerScript, writeTokenizer } from './tokenizer.ts';

const golden = (name: string) => {
  const path = join(import.meta.dirname, `../../test/golden/tokenizer-${name}.jsonl`);
  const [head, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const { limit, tokenizers } = JSON.parse(head!) as { limit: number; tokenizers: object[] };
  const cases = lines.map((line) => JSON.parse(line) as Golden);
  return { limit, tokenizers, cases };
};
interface Golden {
  tokenizer: number;
  text: string;
  repeat?: number;
  ids: number[];
}

let dir: string;
let checkpoint: string;
let version: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'conch tokenizer model-'));
  [checkpoint, version] = [dir, dir];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const all = ['input_ids', 'attention_mask', 'token_type_ids'];

async function write(tokenizerJson: object, maxPositions: number, inputNames = all, inputs = [text]) {
  checkpoint = await mkdtemp(join(dir, 'checkpoint-'));
  version = await mkdtemp(join(dir, 'version-'));
  writeFileSync(join(checkpoint, 'tokenizer.json'), JSON.stringify(tokenizerJson));
  return writeTokenizer({ checkpointDir: checkpoint, outDir: version, maxPositions, inputNames, inputs });
}

test('a tokenizer becomes a model that the embedded server and Triton can run', async () => {
  const { tokenizers } = golden('wordpiece');
  const written = await write(tokenizers[0]!, 100, ['input_ids', 'attention_mask']);
  expect(written.files).toEqual(['model.py', 'tokenizer.json', 'tokenizer_config.json']);
  expect(written.maxLength).toBe(100);
  expect(written.sources).toEqual([join(checkpoint, 'tokenizer.json')]);
  const text = printConfig({ name: 'a-tokenizer', max_batch_size: 32, ...written.config });
  expect(parseConfig(text).diagnostics).toEqual([]);
  expect(text).toMatch(/output \[?\s*\{\s*name: "input_ids"\s*data_type: TYPE_INT64\s*dims: \[? ?-1/);
  expect(written.config.parameters).toEqual({
    'conch.backend': { string_value: 'tokenizer' },
    max_length: { string_value: '100' },
  });
  const tokenizer = await readTokenizer(version, { maxLength: 100 });
  expect(tokenizer.encode('profit')).toEqual(createTokenizer(tokenizers[0]!).encode('profit'));
});

test('a checkpoint with vocab.txt only gets its tokenizer.json', async () => {
  const tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'profit'];
  writeFileSync(join(dir, 'vocab.txt'), tokens.join('\n'));
  const written = await writeTokenizer({ checkpointDir: dir, outDir: dir, maxPositions: 9, inputNames: ['input_ids'] });
  expect(written.config.output?.map((output) => output.name)).toEqual(['input_ids']);
  expect((await readTokenizer(dir)).encode('profit').ids).toEqual([2, 4, 3]);
});

test('a model that wants other tensors is refused', async () => {
  const write = (inputNames: string[]) =>
    writeTokenizer({ checkpointDir: dir, outDir: dir, maxPositions: 9, inputNames });
  await expect(write(['input_ids', 'bbox'])).rejects.toThrow(
    'the model takes input_ids, bbox; a tokenizer gives input_ids, attention_mask, token_type_ids, of which input_ids is needed',
  );
  await expect(write([])).rejects.toThrow(/^the model takes nothing; /);
});

test('model.py sorts characters as src/text does', () => {
  const strings = (text: string, quote: string): Record<string, string> => {
    const string = `${quote}([0-9a-z. ]+)${quote}`;
    const classes = text.matchAll(new RegExp(`(\\w+)"?:[\\s(]*((?:${string}[\\s+]*)+)\\)?,`, 'g'));
    const join = (body: string) => Array.from(body.matchAll(new RegExp(string, 'g')), (match) => match[1]).join('');
    return Object.fromEntries(Array.from(classes, ([, name, body]) => [name, join(body!)]));
  };
  const ours = strings(readFileSync(join(import.meta.dirname, '../text/character-classes.ts'), 'utf8'), "'");
  expect(Object.keys(ours)).toEqual(['removed', 'blank', 'mark', 'punctuation', 'separator', 'cjk']);
  expect(strings(readFileSync(tokenizerScript(), 'utf8'), '"')).toEqual(ours);
});

// Triton's Python backend calls initialize and execute as this does; its module is replaced by the few names used.
const driver = `
import io, json, sys, types
import numpy as np
if sys.argv[1] == "plain":
    sys.modules["tokenizers"] = None
backend = types.ModuleType("triton_python_backend_utils")
class Tensor:
    def __init__(self, name, array): self.name, self.array = name, array
    def as_numpy(self): return self.array
class InferenceResponse:
    def __init__(self, output_tensors): self.output_tensors = output_tensors
class TritonModelException(Exception): pass
backend.Tensor, backend.InferenceResponse, backend.TritonModelException = Tensor, InferenceResponse, TritonModelException
backend.get_input_tensor_by_name = lambda request, name: request.get(name)
sys.modules["triton_python_backend_utils"] = backend
job = json.load(io.TextIOWrapper(sys.stdin.buffer, "utf-8"))
sys.path.insert(0, job["folder"])
import model
made = model.TritonPythonModel()
try:
    made.initialize({"model_config": json.dumps(job["config"]), "model_repository": job["repository"], "model_version": job["version"]})
except TritonModelException as error:
    print(json.dumps({"error": str(error)}))
    sys.exit()
requests = []
def strings(name, texts):
    elements = [bytes.fromhex(text["hex"]) if isinstance(text, dict) else text.encode() for text in texts]
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return Tensor(name, array.reshape(-1, 1) if job["config"]["max_batch_size"] else array)
for texts in job["requests"]:
    columns = texts if isinstance(texts, dict) else {"text": texts}
    requests.append({name: strings(name, column) for name, column in columns.items()})
answers = []
for response in made.execute(requests):
    assert all(tensor.array.dtype == np.int64 for tensor in response.output_tensors)
    answers.append({tensor.name: tensor.array.tolist() for tensor in response.output_tensors})
print(json.dumps({"package": model.tokenizers is not None, "answers": answers}))
`;

type Rows = number[][];
interface Answer {
  error?: string;
  package: boolean;
  answers: { input_ids: Rows; attention_mask: Rows; token_type_ids: Rows }[];
}

const python = process.env.CONCH_PYTHON ?? 'python3';
const has = (module: string) => spawnSync(python, ['-c', `import ${module}`]).status === 0;
const ways = ['plain', ...(has('tokenizers') ? ['package'] : [])];

type Request = (string | { hex: string })[] | { text: string[]; text_pair?: string[] };

function run(way: string, config: object, requests: Request[], repository = dir): Answer {
  writeFileSync(join(dir, 'driver.py'), driver);
  const job = { folder: version, repository, version: version.slice(repository.length + 1), config, requests };
  const { stdout, stderr, status } = spawnSync(python, ['-B', join(dir, 'driver.py'), way], {
    input: JSON.stringify(job),
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

const configFor = (written: { config: object }, max_batch_size = 32) =>
  configToJson({ name: 't', ...written.config, max_batch_size });

describe.skipIf(!has('numpy'))(
  `model.py under ${python} (needs numpy; set CONCH_PYTHON to a Python that has it)`,
  () => {
    test.each(ways)('gives the ids of the goldens: %s', async (way) => {
      const { limit, tokenizers, cases } = golden('wordpiece');
      for (const [which, tokenizerJson] of tokenizers.entries()) {
        const written = await write(tokenizerJson, limit);
        const mine = cases.filter((line) => line.tokenizer === which);
        const texts = mine.map(({ text, repeat = 1 }) => text.repeat(repeat));
        const answer = run(way, configFor(written), [...texts.map((text) => [text]), texts]);
        expect(answer.package).toBe(way === 'package');
        mine.forEach(({ text, repeat, ids }, i) => {
          expect(answer.answers[i]!.input_ids, `${which}: ${JSON.stringify(text)} x ${repeat}`).toEqual([ids]);
        });
        const ours = createTokenizer(tokenizerJson, { maxLength: limit }).encodeBatch(texts);
        const together = answer.answers.at(-1)!;
        for (const name of ['input_ids', 'attention_mask', 'token_type_ids'] as const) {
          expect(together[name].flat(), name).toEqual(Array.from(ours[name], Number));
        }
      }
    });

    test.each(ways)('puts two texts together as the goldens have them: %s', async (way) => {
      const { limit, tokenizers, cases } = golden('pairs');
      for (const [which, tokenizerJson] of tokenizers.entries()) {
        const written = await write(tokenizerJson, limit, all, [text, textPair]);
        const mine = cases.filter((line) => line.tokenizer === which) as (Golden & {
          pair: string;
          type_ids: number[];
        })[];
        const requests = mine.map(({ text, pair }) => ({ text: [text], text_pair: [pair] }));
        const together = { text: mine.map(({ text }) => text), text_pair: mine.map(({ pair }) => pair) };
        const { answers } = run(way, configFor(written), [...requests, together, { text: ['profit rose'] }]);
        for (const [index, { text, pair, ids, type_ids }] of mine.entries()) {
          const { input_ids, token_type_ids } = answers[index]!;
          expect({ ids: input_ids, type_ids: token_type_ids }, `${which}: '${text}', '${pair}'`).toEqual({
            ids: [ids],
            type_ids: [type_ids],
          });
        }
        const ours = createTokenizer(tokenizerJson, { maxLength: limit });
        const batch = ours.encodeBatch(together.text, together.text_pair);
        expect(answers.at(-2)!.input_ids.flat()).toEqual(Array.from(batch.input_ids, Number));
        expect(answers.at(-2)!.token_type_ids.flat()).toEqual(Array.from(batch.token_type_ids, Number));
        expect(answers.at(-2)!.attention_mask.flat()).toEqual(Array.from(batch.attention_mask, Number));
        expect(answers.at(-1)!.input_ids).toEqual([ours.encode('profit rose').ids]);
      }
      const written = await write(tokenizers[0]!, limit, all, [text, textPair]);
      writeFileSync(join(version, 'tokenizer_config.json'), '{"model_input_names":["input_ids","attention_mask"]}');
      const { answers } = run(way, configFor(written), [{ text: ['profit'], text_pair: ['rose'] }]);
      expect(answers[0]!.token_type_ids).toEqual([[0, 0, 0, 0, 0]]);
    });

    test.each(ways)('pads each request by itself, and stands no texts and broken UTF-8: %s', async (way) => {
      const written = await write(golden('wordpiece').tokenizers[0]!, 16, ['input_ids', 'attention_mask']);
      const requests = [['profit rose', 'profit'], [], ['']];
      const { answers } = run(way, configFor(written), [...requests, [{ hex: '70726f666974ff20e282' }]]);
      expect(answers.map(({ input_ids }) => [input_ids.length, input_ids[0]?.length])).toEqual([
        [2, 4],
        [0, undefined],
        [1, 2],
        [1, 3],
      ]);
      expect(answers[0]!.attention_mask).toEqual([
        [1, 1, 1, 1],
        [1, 1, 1, 0],
      ]);
      expect(Object.keys(answers[0]!)).toEqual(['input_ids', 'attention_mask']);
      const unbatched = run(way, configFor(written, 0), [['profit rose']]);
      expect(unbatched.answers[0]!.attention_mask).toEqual([1, 1, 1, 1]);
    });

    test.each(ways)('cuts and pads at the left where the tokenizer says so: %s', async (way) => {
      const { tokenizers } = golden('wordpiece');
      const padding = {
        strategy: 'BatchLongest',
        direction: 'Left',
        pad_id: 7,
        pad_type_id: 1,
        pad_token: 'x',
        pad_to_multiple_of: null,
      };
      const truncation = { direction: 'Left', max_length: 5, strategy: 'LongestFirst', stride: 0 };
      const json = { ...tokenizers[0]!, padding, truncation };
      const texts = ['the profit rose fell sharply', 'the'];
      const { answers } = run(way, configFor(await write(json, 64)), [texts]);
      const ours = createTokenizer(json).encodeBatch(texts);
      expect(ours.length).toBe(5);
      expect(answers[0]!.input_ids.flat()).toEqual(Array.from(ours.input_ids, Number));
      expect(answers[0]!.token_type_ids.flat()).toEqual(Array.from(ours.token_type_ids, Number));
      expect(answers[0]!.attention_mask.flat()).toEqual(Array.from(ours.attention_mask, Number));
    });

    test('other tokenizers need the package, and without it say so', async () => {
      const { limit, tokenizers, cases } = golden('others');
      const written = await write(tokenizers[0]!, limit);
      expect(run('plain', configFor(written), []).error).toBe(
        "t: a tokenizer of BPE, None, ByteLevel needs the Python package 'tokenizers', which this Python lacks: " +
          "install it in Triton's image (pip install tokenizers). Without it only BERT's WordPiece runs",
      );
      if (!ways.includes('package')) return;
      const mine = cases.filter((line) => line.tokenizer === 0);
      const answer = run(
        'package',
        configFor(written),
        mine.map(({ text, repeat = 1 }) => [text.repeat(repeat)]),
      );
      expect(answer.answers.map(({ input_ids }) => input_ids[0])).toEqual(mine.map(({ ids }) => ids));
    });

    test('what is missing is named when the model is loaded', async () => {
      const written = await write(golden('wordpiece').tokenizers[0]!, 16);
      const { parameters: _, ...bare } = written.config;
      expect(run('plain', configFor({ config: bare }), []).error).toBe(
        "t: parameter max_length: expected a number, got ''",
      );
      const few = { ...written.config, parameters: { max_length: { string_value: '2' } } };
      expect(run('plain', configFor({ config: few }), []).error).toBe(
        't: a maximum length of 2 leaves no room beside special tokens',
      );
      await rm(join(version, 'tokenizer.json'));
      expect(run('plain', configFor(written), []).error).toMatch(/^t: .*No such file or directory: .*tokenizer.json/);
    });
  },
);
