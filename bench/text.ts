/**
 * Text to label through the proxy with a model of BERT-base's size, texts of mixed lengths, beside the stack that conch
 * grew out of: a proxy in FastAPI, an ensemble of a tokenizer in Python and a padded encoder that gets its texts one by
 * one. `node bench/text.ts [--write]`; needs `npm run fetch:fastapi`.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fetchFastapi } from '../scripts/fetch-fastapi.ts';
import { compileDeployment, defineDeployment } from '../src/compile/index.ts';
import { readTokenizer } from '../src/text/index.ts';
import { seeded } from '../test/random.ts';
import { writeCheckpoint } from './bert-base.ts';
import type { LoadResult } from './load.ts';
import { drive, jsonRequest, median, startConch, startProgram, stopPrograms } from './programs.ts';
import { loadBefore, table, writeSection } from './report.ts';

const before = loadBefore();
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '15' },
    concurrency: { type: 'string', default: '16' },
    /** Options of Node for the proxies, e.g. --cpu-prof. */
    node: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
});
const [rounds, ms, concurrency] = [Number(values.rounds), 1000 * Number(values.seconds), Number(values.concurrency)];
const examples = fileURLToPath(new URL('../examples/finbert/', import.meta.url));
const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'vocab.txt'];

/** Texts of 13 to 82 tokens, 32 in the mean, cut from the example's sentences: lengths are log-normal, as of posts. */
async function mixedTexts(count: number): Promise<{ texts: string[]; tokens: number[] }> {
  const tokenizer = await readTokenizer(join(examples, 'checkpoint'));
  const lines = (await readFile(join(examples, 'data/train.jsonl'), 'utf8')).trim().split('\n');
  const words = lines.flatMap((line) => (JSON.parse(line) as { text: string }).text.split(' '));
  const random = seeded(7);
  let at = 0;
  const texts = Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const wanted = Math.min(82, Math.max(13, Math.round(Math.exp(3.36 + 0.45 * normal))));
    let text = '';
    while (tokenizer.encode(text).ids.length < wanted) text = `${text} ${words[at++ % words.length]}`.trim();
    return text;
  });
  return { texts, tokens: texts.map((text) => tokenizer.encode(text).ids.length) };
}

async function compile(checkpoint: string, repository: string, settings: object): Promise<void> {
  const deployment = defineDeployment({
    target: 'triton:26.07',
    // Random weights tell nothing about accuracy, so that no precision is refused for it.
    models: {
      finbert: { checkpoint, gate: { label_agreement: 0, score_loss: 100, mean_cosine: -1, cosine: -1 }, ...settings },
    },
  });
  await compileDeployment({ deployment, file: undefined, baseDir: dirname(checkpoint) }, { repository });
}

/** As the original has it: the tokenizer is run by Python, not by what conch would put in its place. */
async function tokenizeInPython(repository: string): Promise<void> {
  const file = join(repository, 'finbert-tokenizer/config.pbtxt');
  const text = await readFile(file, 'utf8');
  const without = text.replace(/"conch\.backend"/, '"conch.unused"');
  if (without === text) throw new Error(`${file} has no conch.backend`);
  await writeFile(file, without);
}

const work = await mkdtemp(join(tmpdir(), 'conch-bench-text-'));
try {
  const checkpoint = join(work, 'checkpoint');
  await writeCheckpoint(checkpoint);
  for (const file of tokenizerFiles) await cp(join(examples, 'checkpoint', file), join(checkpoint, file));
  const { texts, tokens } = await mixedTexts(512);
  const requests = texts.map((text) => jsonRequest('/models/finbert', { text }).toString('base64'));

  const python = fetchFastapi();
  const serve = async (name: string, settings: object, prepare?: (repository: string) => Promise<void>) => {
    const repository = join(work, name);
    await mkdir(repository);
    await compile(checkpoint, repository, settings);
    await prepare?.(repository);
    const args = ['serve', repository, '--http-port', '0', '--grpc-port', '0', '--metrics-port', '0'];
    const { port } = await startConch(args, [], { CONCH_PYTHON: python });
    return { repository, port };
  };
  const throughConch = async (name: string, settings: object, path = 'direct') => {
    const { repository, port } = await serve(name, settings);
    const server = `http://127.0.0.1:${port}`;
    const args = ['proxy', '--server', server, '--repository', repository, '--port', '0', '--log-level', 'warn'];
    const node = values.node.split(' ').filter(Boolean);
    return startConch([...args, '--text-path', path], node);
  };
  const original = await serve('original', {}, tokenizeInPython);
  const stacks = [
    {
      name: 'FastAPI, Python tokenizer, padded fp32',
      ...(await startProgram(python, ['bench/fastapi/proxy.py', `127.0.0.1:${original.port}`, '0'])),
    },
    { name: 'conch proxy, padded fp32', ...(await throughConch('padded', {})) },
    { name: 'conch proxy, packed fp32', target: 1.5, ...(await throughConch('packed', { layout: 'packed' })) },
    {
      name: 'conch proxy, packed int8',
      target: 5,
      ...(await throughConch('int8', { layout: 'packed', precision: 'int8' })),
    },
  ];

  // All but int8 must give the same answer.
  const logits: number[][] = [];
  for (const { port } of stacks) {
    for (;;) {
      const body = JSON.stringify({ text: texts[0] });
      const url = `http://127.0.0.1:${port}/models/finbert`;
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      const answer = (await response.json()) as { logits: number[] };
      if (response.status === 503 || response.status === 502) continue;
      logits.push(answer.logits);
      break;
    }
  }
  const apart = logits.map((row) => Math.max(...row.map((logit, at) => Math.abs(logit - logits[0]![at]!))));
  if (apart.slice(0, 3).some((difference) => !(difference < 1e-4))) throw new Error(JSON.stringify(logits));

  const found: LoadResult[][] = stacks.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, { port, name }] of stacks.entries()) {
      const result = await drive({ port, request: requests, concurrency, warmupMs: 2000, ms });
      found[at]!.push(result);
      console.error(`${name}: ${(result.answers / result.seconds).toFixed(1)}/s`);
    }
  }
  const rows = [['stack', 'texts/s', 'ratio', 'target', 'p50, p99', 'logits apart']];
  for (const [at, stack] of stacks.entries()) {
    const rate = (index: number, round: number) => found[index]![round]!.answers / found[index]![round]!.seconds;
    const of = (pick: (result: LoadResult, round: number) => number) => median(found[at]!.map(pick));
    rows.push([
      stack.name,
      of((_, round) => rate(at, round)).toFixed(1),
      of((_, round) => rate(at, round) / rate(0, round)).toFixed(2),
      'target' in stack ? stack.target.toFixed(1) : '',
      `${of(({ p50 }) => p50 / 1000).toFixed(0)}, ${of(({ p99 }) => p99 / 1000).toFixed(0)} ms`,
      apart[at]!.toExponential(1),
    ]);
  }
  const mean = tokens.reduce((sum, count) => sum + count, 0) / tokens.length;
  const text =
    `${table(rows)}\n\nBERT-base with random weights, one text a request, ${concurrency} clients, texts of ${Math.min(...tokens)} to ` +
    `${Math.max(...tokens)} tokens, ${mean.toFixed(1)} in the mean; ${rounds} rounds of ${ms / 1000} s that take turns, medians; clients, ` +
    'proxy and server share the cores. All stacks stand on the embedded server, since the Triton that runs without Docker has no ONNX ' +
    'Runtime; the first one’s tokenizer is the Python package `tokenizers` in a process of the Python backend. ' +
    `${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, ${before}, Node ${process.version}.`;
  console.log(text);
  if (values.write) await writeSection('text', 'Text to label through the proxy', text);
} finally {
  await stopPrograms();
  await rm(work, { recursive: true, force: true });
}
