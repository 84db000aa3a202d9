/**
 * Texts a second through the engine beside ONNX Runtime alone, with the same batches of a BERT-base in one process. `node bench/onnx-throughput.ts [--write]`; --write puts
 * the table into docs/benchmarks.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { Engine } from '../src/engine/index.ts';
import { bertInputs, bertRepository, compileBert } from './bert-repository.ts';
import { table, writeSection } from './report.ts';

/** As many as the machine has, unless CONCH_BENCH_THREADS says otherwise: on a busy machine threads that spin tell nothing. */
const threads = Number(process.env.CONCH_BENCH_THREADS ?? availableParallelism());
const cases = [
  { rows: 1, length: 32, batches: 12 },
  { rows: 8, length: 64, batches: 3 },
  { rows: 16, length: 128, batches: 2 },
];
const rounds = 9;

type Inputs = ReturnType<typeof bertInputs>;

/** What it took for one batch, in ms: by the clock, and of processor time in all threads. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

async function costOf(batches: number, work: () => Promise<void>): Promise<Cost> {
  const [started, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - started) / batches, cpu: (user + system) / 1000 / batches };
}

/** Each batch is sent when the one before is back. */
async function alone(session: InferenceSession, inputs: Inputs, batches: number): Promise<void> {
  const feeds = Object.fromEntries(inputs.map(({ name, data, shape }) => [name, new Tensor('int64', data, shape)]));
  for (let done = 0; done < batches; done++) await session.run(feeds, ['logits']);
}

/** The same through the engine, with a second batch waiting while one runs, as under load. */
async function served(engine: Engine, inputs: Inputs, batches: number): Promise<void> {
  const infer = () => engine.infer({ model: 'bert', inputs });
  let left = batches;
  const client = async (): Promise<void> => {
    while (left-- > 0) await infer();
  };
  await Promise.all([client(), client()]);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function compare(work: string): Promise<string> {
  const files = await compileBert(work);
  const repository = await bertRepository(
    files,
    join(work, 'models'),
    'instance_group { count: 1 kind: KIND_CPU }\ndynamic_batching { }',
  );
  // ONNX Runtime's own defaults but for the threads, which are the same for both.
  const session = await InferenceSession.create(join(files, 'model.onnx'), { intraOpNumThreads: threads });
  const engine = await Engine.open({ repository, threads, exitOnError: true });
  const rows = [['batch', 'ONNX Runtime alone', 'through the engine', 'ratio', 'by processor time']];
  for (const { rows: texts, length, batches } of cases) {
    const inputs = bertInputs(texts, length);
    const costs = { alone: [] as Cost[], served: [] as Cost[] };
    const run = {
      alone: () => costOf(batches, () => alone(session, inputs, batches)),
      served: () => costOf(batches, () => served(engine, inputs, batches)),
    };
    await alone(session, inputs, 1);
    await served(engine, inputs, 2);
    for (let round = 0; round < rounds; round++) {
      // In turns, each first as often as the other: what else the machine does hits both alike.
      const order = round % 2 ? (['alone', 'served'] as const) : (['served', 'alone'] as const);
      for (const name of order) costs[name].push(await run[name]());
    }
    const pairs = (of: (cost: Cost) => number) => costs.alone.map((cost, round) => of(cost) / of(costs.served[round]!));
    const rate = (all: readonly Cost[]) =>
      `${((1000 * texts) / median(all.map(({ wall }) => wall))).toFixed(1)} texts/s`;
    rows.push([
      `${texts} x ${length} tokens`,
      rate(costs.alone),
      rate(costs.served),
      median(pairs(({ wall }) => wall)).toFixed(3),
      median(pairs(({ cpu }) => cpu)).toFixed(3),
    ]);
    console.error(rows.at(-1)!.join('  '));
  }
  await engine.close();
  await session.release();
  const method =
    `BERT-base (FP32) in one process, the engine's session in its thread, threads each: ${threads}; medians of ${rounds} ` +
    `rounds taken in turns, ratios of each round's pair (above 1: the engine is faster). Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores.`;
  return [table(rows), '', method].join('\n');
}

const work = await mkdtemp(join(tmpdir(), 'conch-bench-'));
try {
  const report = await compare(work);
  console.log(report);
  if (process.argv.includes('--write')) await writeSection('onnx-throughput', 'The engine beside ONNX Runtime', report);
} finally {
  await rm(work, { recursive: true, force: true });
}
