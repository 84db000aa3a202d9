/**
 * What choosing batches by length is worth: a BERT-base in the packed layout under more clients than a batch holds, texts
 * of mixed lengths, through the engine in one process: first come first served beside batches from a window within a
 * token budget, with several budgets. `node bench/token-budget.ts [--write]`; --write puts the table into
 * docs/benchmarks.md.
 */
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../src/checkpoint/index.ts';
import type { CompiledModel } from '../src/compile/compiled.ts';
import { compileEncoder } from '../src/compile/encoder.ts';
import { onnxConfig } from '../src/compile/settings.ts';
import { printConfig } from '../src/config/index.ts';
import { Engine } from '../src/engine/index.ts';
import { defaultTarget } from '../src/onnx/index.ts';
import { seeded } from '../test/random.ts';
import { writeCheckpoint } from './bert-base.ts';
import { table, writeSection } from './report.ts';

const { values } = parseArgs({
  options: {
    /** Seconds of each measurement, and how often each takes its turn. */
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '64' },
    budgets: { type: 'string', default: '512,1024,2048,4096' },
    write: { type: 'boolean', default: false },
  },
});
const [seconds, rounds, clients] = [Number(values.seconds), Number(values.rounds), Number(values.clients)];
const threads = availableParallelism();
/** Lengths in tokens, log-normal as those of headlines and posts: 13 to 82, about 32 in the mean. */
function lengthsOf(count: number): number[] {
  const random = seeded(7);
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(82, Math.max(13, Math.round(Math.exp(3.36 + 0.45 * normal))));
  });
}
const lengths = lengthsOf(512);
const meanLength = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;

function inputsOf(length: number) {
  const tensor = (name: string, value: (index: number) => number) => ({
    name,
    datatype: 'INT64' as const,
    shape: [1, length],
    data: BigInt64Array.from({ length }, (_, index) => BigInt(value(index))),
  });
  return [
    tensor('input_ids', (index) => 1000 + ((index * 7919) % 20000)),
    tensor('attention_mask', () => 1),
    tensor('token_type_ids', () => 0),
  ];
}

interface Variant {
  readonly name: string;
  readonly engine: Engine;
}

async function serve(work: string, name: string, files: string, built: CompiledModel, budget?: string) {
  const repository = join(work, name);
  const version = join(repository, 'bert', '1');
  await mkdir(version, { recursive: true });
  for (const file of built.files) await link(join(files, basename(file)), join(version, basename(file)));
  const { inputs, outputs, layout, perToken } = built;
  const config = onnxConfig({
    name: 'bert',
    max_batch_size: 32,
    inputs,
    outputs,
    settings: budget ? { parameters: { 'conch.max_batch_tokens': { string_value: budget } } } : {},
    packed: layout === 'packed' ? { perToken: perToken ?? [] } : undefined,
  });
  await writeFile(join(repository, 'bert', 'config.pbtxt'), printConfig(config));
  return Engine.open({ repository, threads, exitOnError: true });
}

interface Measured {
  /** Texts a second, and latencies in milliseconds. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Texts in a batch, in the mean. */
  readonly batch: number;
}

/** Clients that each send a text when the one before is answered, all through the same list of texts. */
async function measure(engine: Engine): Promise<Measured> {
  const counts = () => engine.statistics('bert')[0]!;
  const before = counts();
  const latencies: number[] = [];
  const started = performance.now();
  const end = started + 1000 * seconds;
  let next = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const sent = performance.now();
      await engine.infer({ model: 'bert', inputs: inputsOf(lengths[next++ % lengths.length]!) });
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const took = (performance.now() - started) / 1000;
  const after = counts();
  latencies.sort((a, b) => a - b);
  const executions = after.execution_count - before.execution_count;
  return {
    rate: latencies.length / took,
    p50: latencies[Math.floor(latencies.length * 0.5)]!,
    p99: latencies[Math.floor(latencies.length * 0.99)]!,
    batch: (after.inference_count - before.inference_count) / executions,
  };
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

const work = await mkdtemp(join(tmpdir(), 'conch-bench-budget-'));
const variants: Variant[] = [];
try {
  await writeCheckpoint(join(work, 'checkpoint'));
  const checkpoint = await openCheckpoint(join(work, 'checkpoint'));
  const outDir = join(work, 'onnx');
  await mkdir(outDir);
  const packed = await compileEncoder({ checkpoint, outDir, target: defaultTarget, layout: 'packed' });
  const add = async (name: string, budget?: string) =>
    variants.push({ name, engine: await serve(work, `models-${variants.length}`, outDir, packed, budget) });
  await add('first come first served');
  for (const budget of values.budgets.split(',')) await add(`by length, ${budget} tokens`, budget);

  const found = variants.map((): Measured[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { engine }] of variants.entries()) found[index]!.push(await measure(engine));
  }
  const rows = [['batches', 'texts/s', 'of first come', 'p50, p99', 'texts a batch']];
  for (const [index, { name }] of variants.entries()) {
    const of = (pick: (measured: Measured, round: number) => number) => median(found[index]!.map(pick));
    rows.push([
      name,
      of(({ rate }) => rate).toFixed(1),
      of(({ rate }, round) => rate / found[0]![round]!.rate).toFixed(2),
      `${of(({ p50 }) => p50).toFixed(0)}, ${of(({ p99 }) => p99).toFixed(0)} ms`,
      of(({ batch }) => batch).toFixed(1),
    ]);
  }
  const text =
    `${table(rows)}\n\n${clients} clients, texts of 13 to 82 tokens, ${meanLength.toFixed(1)} in the mean; medians of ` +
    `${rounds} rounds of ${seconds} s that take turns, ${threads} threads. ${cpus()[0]!.model.trim()}, Node ${process.version}.`;
  console.log(text);
  if (values.write) await writeSection('token-budget', 'Batches chosen by length', text);
} finally {
  for (const { engine } of variants) await engine.close();
  await rm(work, { recursive: true, force: true });
}
