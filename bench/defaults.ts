/**
 * The settings that conch writes by default, each beside what else it could be: the small finbert as it is compiled, and
 * with one setting changed, on the embedded server, in rounds that take turns. `node bench/defaults.ts [--write]`; --write
 * puts the table into docs/defaults.md. Linux only.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ConfigEdit, editConfig } from '../src/config/index.ts';
import { compileDeployment } from '../src/index.ts';
import {
  bench,
  copyModels,
  type Load,
  readConfigText,
  startServerProcess,
  writeConfigText,
} from '../src/measure/index.ts';
import { loadBefore, table, writeSection } from './report.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const command = [process.execPath, join(root, 'src/main.ts')];
const models = ['finbert', 'finbert-tokenizer', 'finbert-model'];
const sixteen: Load = { kind: 'closed', concurrency: 16 };
const one: Load = { kind: 'closed', concurrency: 1 };

/** One setting, what conch writes, and what it is compared with. */
interface Default {
  readonly setting: string;
  readonly written: string;
  readonly other: string;
  readonly load: Load;
  /** By model; `*` is all of them. */
  readonly edits: Readonly<Record<string, readonly ConfigEdit[]>>;
}

const edit = (path: string, value: unknown): ConfigEdit => ({ path, value });
const model = (...edits: ConfigEdit[]) => ({ 'finbert-model': edits });
const instances = (count: number) => model(edit('instance_group[0].count', count));
const batch = (size: number) => ({ '*': [edit('max_batch_size', size)] });
const delay = (us: number) => model(edit('dynamic_batching.max_queue_delay_microseconds', us));

const defaults: readonly Default[] = [
  ...[1, 8, 128].map((size) => ({
    setting: 'max_batch_size',
    written: '32',
    other: `${size}`,
    load: sixteen,
    edits: batch(size),
  })),
  {
    setting: 'dynamic_batching',
    written: '{ }',
    other: 'none',
    load: sixteen,
    edits: model(edit('dynamic_batching', undefined)),
  },
  ...[500, 2000].flatMap((us) =>
    [sixteen, one].map((load) => ({
      setting: 'max_queue_delay_microseconds',
      written: 'none',
      other: `${us}`,
      load,
      edits: delay(us),
    })),
  ),
  {
    setting: 'preferred_batch_size',
    written: 'none',
    other: '8',
    load: sixteen,
    edits: model(edit('dynamic_batching.preferred_batch_size', [8])),
  },
  ...[2, 4].map((count) => ({
    setting: 'instance_group count',
    written: '1',
    other: `${count}`,
    load: sixteen,
    edits: instances(count),
  })),
  {
    setting: 'intra_op_thread_count',
    written: 'none: all',
    other: '1',
    load: sixteen,
    edits: model(edit('parameters["intra_op_thread_count"]', { string_value: '1' })),
  },
  {
    setting: 'intra_op_thread_count',
    written: 'none: all',
    other: '1',
    load: one,
    edits: model(edit('parameters["intra_op_thread_count"]', { string_value: '1' })),
  },
  ...[sixteen, one].map((load) => ({
    setting: 'session.intra_op.allow_spinning',
    written: 'none: 1',
    other: '0',
    load,
    edits: model(edit('parameters["session.intra_op.allow_spinning"]', { string_value: '0' })),
  })),
  {
    setting: 'model_warmup',
    written: 'one request',
    other: 'none',
    load: one,
    edits: model(edit('model_warmup', undefined)),
  },
];

interface Measured {
  readonly throughput: number;
  readonly p99: number;
  readonly pssBytes: number;
  /** Of the first request after the start, ms. */
  readonly first: number;
}

async function measure(repository: string, work: string, edits: Default['edits'], load: Load): Promise<Measured> {
  for (const name of models) {
    const all = [...(edits['*'] ?? []), ...(edits[name] ?? [])];
    await writeConfigText(work, name, editConfig(await readConfigText(repository, name), all));
  }
  const server = await startServerProcess({ command, repository: work });
  try {
    const body = JSON.stringify({
      inputs: [{ name: 'text', datatype: 'BYTES', shape: [1, 1], data: ['Sales rose.'] }],
    });
    const sent = performance.now();
    const answer = await fetch(`${server.url}/v2/models/finbert/infer`, { method: 'POST', body });
    if (!answer.ok) throw new Error(await answer.text());
    const first = performance.now() - sent;
    const durationMs = 1000 * Number(values.seconds);
    const { points } = await bench({
      model: 'finbert',
      url: server.url,
      pid: server.pid,
      loads: [load],
      warmupMs: 1500,
      durationMs,
      stability: 0,
    });
    const [point] = points;
    return {
      throughput: point!.throughput.value,
      p99: point!.latency!.p99.value,
      pssBytes: point!.resources.peakPssBytes!,
      first,
    };
  } finally {
    await server.close();
  }
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
const before = loadBefore();
const work = await mkdtemp(join(tmpdir(), 'conch-bench-defaults-'));
try {
  const deployment = { models: { finbert: { checkpoint: join(root, 'examples/finbert/checkpoint') } } };
  const { repository } = await compileDeployment({ deployment, file: undefined, baseDir: work }, {});
  const copy = join(work, 'copy');
  await copyModels(repository, models, copy);
  const rows = [['setting', 'written', 'instead', 'clients', 'throughput', 'p99', 'memory', 'first request']];
  for (const { setting, written, other, load, edits } of defaults) {
    const rounds: { ours: Measured; theirs: Measured }[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const order = round % 2 === 0 ? [{}, edits] : [edits, {}];
      const pair: Measured[] = [];
      for (const change of order) pair.push(await measure(repository, copy, change, load));
      const [first, second] = pair as [Measured, Measured];
      rounds.push(round % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first });
    }
    const ratio = (pick: (measured: Measured) => number) =>
      median(rounds.map(({ ours, theirs }) => pick(theirs) / pick(ours))).toFixed(2);
    const clients = load.kind === 'closed' ? `${load.concurrency}` : '';
    const times = [
      ratio(({ throughput }) => throughput),
      ratio(({ p99 }) => p99),
      ratio(({ pssBytes }) => pssBytes),
      ratio(({ first }) => first),
    ];
    rows.push([`\`${setting}\``, written, other, clients, ...times]);
    console.error(rows.at(-1)!.join('  '));
  }
  const text = `${table(rows)}\n\nThe small finbert of \`examples/\`, texts of about 32 words over HTTP; what stands under "instead" as a multiple of what conch writes (throughput: more is better; the rest: less). Medians of ${values.rounds} rounds of ${values.seconds} s that take turns, each in a server process of its own. ${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, Node ${process.version}, ${before}.`;
  console.log(text);
  if (values.write) await writeSection('defaults', 'Measured', text, 'defaults.md');
} finally {
  await rm(work, { recursive: true, force: true });
}
