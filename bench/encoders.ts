/**
 * BERT-base on texts of mixed lengths, on the processor: padded and packed, one by one and in batches, beside the
 * machine's own limit, in one process. `node bench/encoders.ts [--write]`; --write puts the table into docs/benchmarks.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openCheckpoint } from '../src/checkpoint/index.ts';
import type { Layout } from '../src/compile/architectures/index.ts';
import { compileEncoder } from '../src/compile/encoder.ts';
import { findTarget, GraphBuilder, writeOnnx } from '../src/onnx/index.ts';
import { writeCheckpoint } from './bert-base.ts';
import { table, writeSection } from './report.ts';

/** As many as the machine has, unless CONCH_BENCH_THREADS says otherwise: on a busy machine threads that spin tell nothing. */
const threads = Number(process.env.CONCH_BENCH_THREADS ?? availableParallelism());
const rounds = Number(process.env.CONCH_BENCH_ROUNDS ?? 5);
const textCount = 64;
/** Multiplications and additions for a token in the layers of BERT-base, attention's own left out. */
const flopsPerToken = 2 * 12 * (4 * 768 * 768 + 2 * 768 * 3072);

type Texts = readonly (readonly bigint[])[];
type Feeds = Record<string, Tensor>;

interface Variant {
  readonly name: string;
  readonly layout: Layout;
  readonly batches: readonly Texts[];
}

/** Marsaglia's xorshift32: the same texts every time. */
function mixedTexts(): Texts {
  let state = 7;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  // 13 to 82 tokens, mean about 32: most texts are short, some long.
  const length = () => Math.round(13 + 69 * random() ** 2.6);
  return Array.from({ length: textCount }, () =>
    Array.from({ length: length() }, () => BigInt(1000 + Math.floor(20_000 * random()))),
  );
}

const integers = (values: readonly bigint[], shape: readonly number[]) =>
  new Tensor('int64', BigInt64Array.from(values), shape);

function padded(texts: Texts): Feeds {
  const longest = Math.max(...texts.map(({ length }) => length));
  const shape = [texts.length, longest];
  const fill = (value: (text: readonly bigint[], place: number) => bigint) =>
    integers(
      texts.flatMap((text) =>
        Array.from({ length: longest }, (_, place) => (place < text.length ? value(text, place) : 0n)),
      ),
      shape,
    );
  return {
    input_ids: fill((text, place) => text[place]!),
    attention_mask: fill(() => 1n),
    token_type_ids: fill(() => 0n),
  };
}

function packed(texts: Texts): Feeds {
  const ids = texts.flat();
  const all = (value: bigint) =>
    integers(
      ids.map(() => value),
      [ids.length],
    );
  const lengths = Int32Array.from(texts, ({ length }) => length);
  return {
    input_ids: integers(ids, [ids.length]),
    attention_mask: all(1n),
    token_type_ids: all(0n),
    text_lengths: new Tensor('int32', lengths, [texts.length]),
  };
}

/** Batches of `size`, in the order of the texts. */
function inBatches(texts: Texts, size: number): Texts[] {
  return Array.from({ length: Math.ceil(texts.length / size) }, (_, index) =>
    texts.slice(index * size, (index + 1) * size),
  );
}

/** Floating-point operations a second of one large matrix product: what this machine can at best. */
async function peakRate(work: string): Promise<number> {
  const size = 1024;
  const graph = new GraphBuilder('peak', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', [size, size]);
  const weight = graph.initializer('w', 'FP32', [size, size], { read: () => [new Uint8Array(4 * size * size)] });
  graph.output('y', graph.node('MatMul', [x, weight]), [size, size]);
  const file = join(work, 'peak.onnx');
  await writeOnnx(file, graph, { producer: { name: 'bench', version: '1' } });
  const session = await InferenceSession.create(file, { intraOpNumThreads: threads });
  const feeds = { x: new Tensor('float32', new Float32Array(size * size), [size, size]) };
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    await session.run(feeds);
    best = Math.min(best, performance.now() - start);
  }
  await session.release();
  return (2 * size ** 3) / (best / 1000);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function compare(work: string): Promise<string> {
  await writeCheckpoint(join(work, 'checkpoint'));
  const checkpoint = await openCheckpoint(join(work, 'checkpoint'));
  const sessions = {} as Record<Layout, InferenceSession>;
  for (const layout of ['padded', 'packed'] as const) {
    const outDir = await mkdtemp(join(work, `${layout}-`));
    await compileEncoder({ checkpoint, outDir, target: findTarget('embedded'), layout });
    sessions[layout] = await InferenceSession.create(join(outDir, 'model.onnx'), { intraOpNumThreads: threads });
  }
  const peak = await peakRate(work);
  const texts = mixedTexts();
  const tokens = texts.flat().length;
  const alike = [...texts].sort((a, b) => a.length - b.length);
  const variants: Variant[] = [
    { name: 'padded, one by one', layout: 'padded', batches: inBatches(texts, 1) },
    { name: 'padded, 8 as they come', layout: 'padded', batches: inBatches(texts, 8) },
    { name: 'packed, one by one', layout: 'packed', batches: inBatches(texts, 1) },
    { name: 'packed, 4 as they come', layout: 'packed', batches: inBatches(texts, 4) },
    { name: 'packed, 8 as they come', layout: 'packed', batches: inBatches(texts, 8) },
    { name: 'packed, 8 of like lengths', layout: 'packed', batches: inBatches(alike, 8) },
    { name: 'packed, 32 as they come', layout: 'packed', batches: inBatches(texts, 32) },
  ];
  const costs = variants.map(() => [] as { wall: number; cpu: number }[]);
  const run = async ({ layout, batches }: Variant, feeds: readonly Feeds[]) => {
    const [started, before] = [performance.now(), process.cpuUsage()];
    for (const one of feeds) await sessions[layout].run(one, ['logits']);
    const { user, system } = process.cpuUsage(before);
    return { wall: performance.now() - started, cpu: (user + system) / 1000, batches: batches.length };
  };
  const feeds = variants.map(({ layout, batches }) => batches.map(layout === 'padded' ? padded : packed));
  for (const [index, variant] of variants.entries()) await run(variant, feeds[index]!.slice(0, 2));
  for (let round = 0; round < rounds; round++) {
    // In turns, in another order each time: what else the machine does hits all alike.
    const order = variants.map((_, index) => (index + round) % variants.length);
    for (const index of order) costs[index]!.push(await run(variants[index]!, feeds[index]!));
    console.error(`round ${round + 1} of ${rounds}`);
  }
  const base = costs[0]!;
  const rows = variants.map(({ name }, index) => {
    const walls = costs[index]!.map(({ wall }) => wall);
    const ratio = (of: 'wall' | 'cpu') => median(base.map((cost, round) => cost[of] / costs[index]![round]![of]));
    const rate = (flopsPerToken * tokens) / (median(walls) / 1000);
    return [
      name,
      ((1000 * textCount) / median(walls)).toFixed(1),
      ratio('wall').toFixed(2),
      ratio('cpu').toFixed(2),
      `${Math.round((100 * rate) / peak)} %`,
    ];
  });
  for (const session of Object.values(sessions)) await session.release();
  const method =
    `BERT-base (FP32, random weights), ${textCount} texts of 13 to 82 tokens, mean ${(tokens / textCount).toFixed(1)}; ONNX Runtime in one ` +
    `process, threads: ${threads}; medians of ${rounds} rounds taken in turns. The limit is one product of 1024 x 1024 matrices, ` +
    `${(peak / 1e9).toFixed(0)} GFLOP/s, against what the layers' products on the texts' own tokens take. ` +
    `Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores.`;
  const header = ['', 'texts/s', 'to padded one by one', 'by processor time', 'of the limit'];
  return [table([header, ...rows]), '', method].join('\n');
}

const work = await mkdtemp(join(tmpdir(), 'conch-bench-'));
try {
  const report = await compare(work);
  console.log(report);
  if (process.argv.includes('--write')) await writeSection('encoders', 'Padded and packed encoders', report);
} finally {
  await rm(work, { recursive: true, force: true });
}
