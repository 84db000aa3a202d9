/**
 * `conch compile --compare` of the example and of BERT-base with random weights: the tables of docs/optimising.md.
 * `node bench/optimising.ts [--write] [finbert] [bert-base]`; --write puts them there. The variants of PyTorch and ModelOpt
 * take part where CONCH_PYTHON, or the environment of `conch env`, has their packages.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type CompareReport,
  compareVariants,
  comparisonRows,
  deploymentOf,
  describeRun,
  loadDeployment,
} from '../src/compile/index.ts';
import { writeCheckpoint } from './bert-base.ts';
import { table, writeSection } from './report.ts';

/** As many as the machine has, unless CONCH_BENCH_THREADS says otherwise: on a busy machine threads that spin tell nothing. */
const threads = Number(process.env.CONCH_BENCH_THREADS ?? availableParallelism());
const rounds = Number(process.env.CONCH_BENCH_ROUNDS ?? 5);
const root = fileURLToPath(new URL('..', import.meta.url));

const progress = {
  start(title: string) {
    console.error(title);
    return { update() {}, done() {}, fail: () => console.error(`${title}: failed`) };
  },
};

const subjects = {
  finbert: {
    title: 'The example',
    compare: async () =>
      compareVariants(await loadDeployment(join(root, 'conch.config.ts')), {
        model: 'finbert',
        threads,
        rounds,
        progress,
      }),
  },
  'bert-base': { title: 'BERT-base, random weights', compare: () => inScratch(compareBert) },
};

async function compareBert(work: string): Promise<CompareReport> {
  const checkpoint = join(work, 'checkpoint');
  await writeCheckpoint(checkpoint);
  // Its words are as good as any: the weights are random.
  const files = ['tokenizer.json', 'tokenizer_config.json'];
  for (const file of files) await copyFile(join(root, 'examples/finbert/checkpoint', file), join(checkpoint, file));
  return compareVariants(deploymentOf({ checkpoint, name: 'bert-base' }), { threads, rounds, progress });
}

async function inScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'conch-bench-'));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function inMarkdown(report: CompareReport): string {
  const missing = report.variants.filter(({ notBuilt }) => notBuilt !== undefined);
  const notes = missing.map(({ id, notBuilt }) => `Not built: \`${id}\` (${notBuilt!.reason.replaceAll('\n', ' ')}).`);
  return [table(comparisonRows(report)), '', ...notes, ...(notes.length > 0 ? [''] : []), ...describeRun(report)].join(
    '\n',
  );
}

const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
for (const [name, { title, compare }] of Object.entries(subjects)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const report = inMarkdown(await compare());
  console.log(`${title}\n\n${report}\n`);
  if (process.argv.includes('--write')) await writeSection(`optimising-${name}`, title, report, 'optimising.md');
}
