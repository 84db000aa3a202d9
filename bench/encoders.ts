/**
 * BERT-base on texts of mixed lengths, on the processor: padded and packed, one by one and in batches, beside the
 * machine's own limit, in one process. `node bench/encoders.ts [--write]`; --write puts the table into docs/benchmarks.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openCheckpoint } from '../src/checkpoint/index.ts';
import { compileEncoder } from '../src/compile/encoder.ts';
import { lower } from '../src/compile/lowering/lower.ts';
import { findTarget, GraphBuilder, openModel, writeOnnx } from '../src/onnx/index.ts';
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

const graphs = ['padded', 'packed', 'padded int8', 'packed int8'] as const;
type Graph = (typeof graphs)[number];

interface Variant {
  readonly name: string;
  readonly graph: Graph;
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

/** One large matrix product, to see what this machine can at best: tells floating-point operations a second. */
async function peakRate(work: string): Promise<() => Promise<number>> {
  const size = 1024;
  const graph = new GraphBuilder('peak', { opset: 17, irVersion: 8 });
  const x = graph.input('x', 'FP32', [size, size]);
  const weight = graph.initializer('w', 'FP32', [size, size], { read: () => [new Uint8Array(4 * size * size)] });
  graph.output('y', graph.node('MatMul', [x, weight]), [size, size]);
  const file = join(work, 'peak.onnx');
  await writeOnnx(file, graph, { producer: { name: 'bench', version: '1' } });
  const session = await InferenceSession.create(file, { intraOpNumThreads: threads });
  const feeds = { x: new Tensor('float32', new Float32Array(size * size), [size, size]) };
  return async () => {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 20; run++) {
      const start = performance.now();
      await session.run(feeds);
      best = Math.min(best, performance.now() - start);
    }
    return (2 * size ** 3) / (best / 1000);
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function compare(work: string): Promise<string> {
  await writeCheckpoint(join(work, 'checkpoint'));
  const checkpoint = await openCheckpoint(join(work, 'checkpoint'));
  const sessions = {} as Record<Graph, InferenceSession>;
  const open = async (graph: Graph, file: string) => {
    sessions[graph] = await InferenceSession.create(file, { intraOpNumThreads: threads });
  };
  for (const layout of ['padded', 'packed'] as const) {
    const outDir = await mkdtemp(join(work, `${layout}-`));
    const target = findTarget('embedded');
    await compileEncoder({ checkpoint, outDir, target, layout });
    const [fp32, int8] = [join(outDir, 'model.onnx'), join(outDir, 'int8.onnx')];
    const model = await openModel(fp32);
    await lower(model, { precision: 'int8' }, target);
    await writeOnnx(int8, model, { producer: { name: 'bench', version: '1' } });
    await open(layout, fp32);
    await open(`${layout} int8`, int8);
  }
  const measurePeak = await peakRate(work);
  // In every round anew: a machine of others is not as fast all the time.
  let peak = 0;
  const texts = mixedTexts();
  const tokens = texts.flat().length;
  const alike = [...texts].sort((a, b) => a.length - b.length);
  const inTurn = (graph: Graph, size: number): Variant => ({
    name: `${graph}, ${size === 1 ? 'one by one' : `${size} as they come`}`,
    graph,
    batches: inBatches(texts, size),
  });
  const ofLikeLengths = (graph: Graph): Variant => ({
    name: `${graph}, 8 of like lengths`,
    graph,
    batches: inBatches(alike, 8),
  });
  const variants: Variant[] = [
    ...[1, 8].map((size) => inTurn('padded', size)),
    ...[1, 4, 8, 32].map((size) => inTurn('packed', size)),
    ofLikeLengths('packed'),
    ...[1, 8].map((size) => inTurn('padded int8', size)),
    ...[1, 8, 32].map((size) => inTurn('packed int8', size)),
    ofLikeLengths('packed int8'),
  ];
  const costs = variants.map(() => [] as { wall: number; cpu: number }[]);
  const run = async ({ graph, batches }: Variant, feeds: readonly Feeds[]) => {
    const [started, before] = [performance.now(), process.cpuUsage()];
    for (const one of feeds) await sessions[graph].run(one, ['logits']);
    const { user, system } = process.cpuUsage(before);
    return { wall: performance.now() - started, cpu: (user + system) / 1000, batches: batches.length };
  };
  const feeds = variants.map(({ graph, batches }) => batches.map(graph.startsWith('padded') ? padded : packed));
  for (const [index, variant] of variants.entries()) await run(variant, feeds[index]!.slice(0, 2));
  for (let round = 0; round < rounds; round++) {
    peak = Math.max(peak, await measurePeak());
    // In turns, in another order each time: what else the machine does hits all alike.
    const order = variants.map((_, index) => (index + round) % variants.length);
    for (const index of order) costs[index]!.push(await run(variants[index]!, feeds[index]!));
    console.error(`round ${round + 1} of ${rounds}`);
  }
  const base = costs[0]!;
  const rows = variants.map(({ name, graph }, index) => {
    const walls = costs[index]!.map(({ wall }) => wall);
    const ratio = (of: 'wall' | 'cpu') => median(base.map((cost, round) => cost[of] / costs[index]![round]![of]));
    const rate = (flopsPerToken * tokens) / (median(walls) / 1000);
    return [
      name,
      ((1000 * textCount) / median(walls)).toFixed(1),
      ratio('wall').toFixed(2),
      ratio('cpu').toFixed(2),
      // The limit is of FP32: integers have another.
      graph.endsWith('int8') ? '' : `${Math.round((100 * rate) / peak)} %`,
    ];
  });
  for (const session of Object.values(sessions)) await session.release();
  const method =
    `BERT-base (random weights, FP32 unless int8 is named), ${textCount} texts of 13 to 82 tokens, mean ${(tokens / textCount).toFixed(1)}; ONNX Runtime in one ` +
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
