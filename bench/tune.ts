/**
 * How few measurements `conch tune` needs. Every configuration of three models is measured (a tiny perceptron, a packed
 * encoder, an ensemble that takes text), and many searches with other seeds run over those measurements, each with a
 * tenth of them. What the searches chose is measured again, many times in turn with the best that all measurements
 * together name: the highest of hundreds of noisy measurements is the luckiest, and no limit to hold a search against.
 *
 * `node bench/tune.ts`: the table from what is kept in bench/surfaces/. `--measure all` (or kinds) measures what is
 * missing there, and with `--rounds 3` what may be the best three times; `--judge 12` measures what was chosen twelve
 * times; both go on where they were broken off. `--real` also runs one search against the server; `--write` puts the
 * table into docs/benchmarks.md.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Goal, type Space, tune } from '../src/measure/index.ts';
import { table, writeSection } from './report.ts';
import { build, freshServers, type Kind, kinds, spaceOf } from './tune/kinds.ts';
import { bench, measureRounds } from './tune/measure.ts';
import { type Found, simulate } from './tune/simulate.ts';
import { Surface } from './tune/surface.ts';

const { values } = parseArgs({
  options: {
    measure: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
    judge: { type: 'string', default: '0' },
    kinds: { type: 'string', default: kinds.map(({ name }) => name).join() },
    seeds: { type: 'string', default: '100' },
    real: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
/** Share of the best from which on a configuration is measured in every round. */
const contender = 0.75;
/** Of the configurations with the highest means this many are judged, beside those that searches chose. */
const shortlist = 5;

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
const at = (list: readonly number[], share: number) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))]!;

/** The best of all that was measured, under the goal. */
function bestOf({ space, surface }: Measured, goal: Goal): string[] {
  const all = space.all().flatMap((point) => {
    const mean = surface.mean(point.join());
    return mean && mean.p99 <= (goal.p99 ?? Number.POSITIVE_INFINITY) ? [{ id: point.join(), ...mean }] : [];
  });
  return all
    .sort((one, other) => other.throughput - one.throughput)
    .slice(0, shortlist)
    .map(({ id }) => id);
}

interface Measured {
  readonly repository: string;
  readonly kind: Kind;
  readonly space: Space;
  readonly surface: Surface;
}

/**
 * Throughput of configurations as a share of the best of all that were judged, the shortlist's and those that any search
 * chose. The best is the one that one half of the rounds names, and the shares are of the other half, so that nothing is
 * judged by the luck that it was chosen by; and the other way round, and the mean of both.
 */
function sharesOf(ids: readonly (string | undefined)[], judged: Surface, goal: Goal, all: readonly string[]): number[] {
  const kept = all.filter((id) => goal.p99 === undefined || (judged.mean(id)?.p99 ?? 0) <= goal.p99);
  const rate = (id: string | undefined, half: 'even' | 'odd') => (id && judged.mean(id, half)?.throughput) || 0;
  const folds = [
    ['even', 'odd'],
    ['odd', 'even'],
  ] as const;
  const optima = folds.map(([chooses, judges]) => {
    const best = kept.reduce((one, id) => (rate(id, chooses) > rate(one, chooses) ? id : one));
    return rate(best, judges);
  });
  return ids.map((id) => folds.reduce((sum, [, judges], at) => sum + rate(id, judges) / optima[at]! / 2, 0));
}

function row({ kind, space }: Measured, judged: Surface, name: string, goal: Goal, found: Found[], all: string[]) {
  const ids = found.map(({ point }) => point?.join());
  const [present, ...shares] = sharesOf([space.present.join(), ...ids], judged, goal, all);
  const late = ids.filter((id) => goal.p99 !== undefined && id && (judged.mean(id)?.p99 ?? 0) > 1.1 * goal.p99);
  return [
    ...[kind.name, name, `${space.all().length}`, `${Math.max(...found.map(({ measurements }) => measurements))}`],
    percent(present!),
    ...[shares.reduce((sum, one) => sum + one, 0) / shares.length, at(shares, 0.1), Math.min(...shares)].map(percent),
    `${shares.filter((share) => share >= 0.95).length} of ${shares.length}`,
    goal.p99 === undefined ? '' : `${late.length} of ${shares.length}`,
  ];
}

/** Standard deviation of a measurement's logarithm about its configuration's mean. */
function scatter({ space }: Measured, judged: Surface): number {
  let [squares, freedom] = [0, 0];
  for (const point of space.all()) {
    const logs = judged.of(point.join()).flatMap(({ loads: [one] }) => (one ? Math.log(one.throughput) : []));
    const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length;
    for (const one of logs) squares += (one - mean) ** 2;
    freedom += Math.max(0, logs.length - 1);
  }
  return Math.sqrt(squares / freedom);
}

async function real({ repository, kind, space }: Measured): Promise<string> {
  const server = await freshServers(repository, kind, space);
  const report = await tune({
    ...{ model: kind.model, space, server, goal: { objective: 'throughput' } },
    bench: { ...bench, warmupMs: 2000, durationMs: 2000, model: kind.model },
    measurements: Math.floor(space.all().length / 10),
  });
  return `${kind.name}: ${report.winner?.settings}: ${report.gain?.toFixed(2)} times the present settings, ${report.measurements} measurements in ${report.seconds.toFixed(0)} s`;
}

const header = [
  ...['model', 'goal', 'configurations', 'measured by a search', 'present settings', 'found: mean', '10th percentile'],
  ...['worst', 'at least 95 %', 'p99 over the bound by a tenth'],
];
const work = await mkdtemp(join(tmpdir(), 'conch-bench-tune-'));
try {
  const repository = await build(work);
  const rows = [header];
  const lines: string[] = [];
  for (const kind of kinds.filter(({ name }) => values.kinds.split(',').includes(name))) {
    const space = await spaceOf(repository, kind);
    const surface = await Surface.open(kind.name);
    const measured = { repository, kind, space, surface };
    const points = space.all();
    if (values.measure === 'all' || values.measure.split(',').includes(kind.name)) {
      const rate = (id: string) => surface.mean(id)?.throughput ?? 0;
      const may = (id: string) => rate(id) >= contender * Math.max(...points.map((point) => rate(point.join())));
      await measureRounds(measured, points, Number(values.rounds), may);
    }
    if (points.some((point) => surface.of(point.join()).length === 0)) {
      console.error(`${kind.name} is not measured yet: node bench/tune.ts --measure ${kind.name}`);
      continue;
    }
    const bound = at(
      points.flatMap((point) => surface.mean(point.join())?.p99 ?? []),
      0.3,
    );
    const goals: readonly [string, Goal][] = [
      ['throughput', { objective: 'throughput' }],
      [`throughput, p99 at most ${bound.toFixed(1)} ms`, { objective: 'throughput', p99: bound }],
    ];
    const judged = await Surface.open(`${kind.name}-judged`);
    const runs = [];
    for (const [name, goal] of goals) {
      const found = await simulate(measured, goal, Number(values.seeds));
      runs.push({ name, goal, found, short: bestOf(measured, goal) });
    }
    const chosen = new Set([
      space.present.join(),
      ...runs.flatMap(({ found, short }) => [...short, ...found.flatMap(({ point }) => point?.join() ?? [])]),
    ]);
    const finalists = points.filter((point) => chosen.has(point.join()));
    await measureRounds({ ...measured, surface: judged }, finalists, Number(values.judge));
    const fewest = Math.min(...finalists.map((point) => judged.of(point.join()).length));
    if (fewest < 2) {
      console.error(`${kind.name}: of ${finalists.length} chosen some are not judged: node bench/tune.ts --judge 12`);
      continue;
    }
    rows.push(...runs.map(({ name, goal, found }) => row(measured, judged, name, goal, found, [...chosen])));
    const scattered = scatter(measured, judged);
    const sure = scattered * Math.sqrt(2 / fewest);
    lines.push(
      `${kind.name}: ${finalists.length} configurations judged, each at least ${fewest} times; measurements of one configuration ` +
        `scatter by ${percent(scattered)}, so that a share is known to about ${percent(sure)}`,
    );
    if (values.real) lines.push(await real(measured));
  }
  const text =
    `${table(rows)}\n\nThroughput as a share of that of the best configuration. Every configuration was measured; ` +
    `${values.seeds} searches with other seeds each saw a tenth of those measurements; then what they chose, the best by all ` +
    `measurements and the present settings were measured many times in turn: each half of those rounds says which is the best, and ` +
    `the other half is what the shares are of. 16 clients, ${bench.durationMs / 1000} s a measurement; the machine: ` +
    `[bench/surfaces](../bench/surfaces/README.md).\n\n` +
    lines.map((line) => `- ${line}`).join('\n');
  console.log(text);
  if (values.write) await writeSection('tune', 'Tuning with few measurements', text);
} finally {
  await rm(work, { recursive: true, force: true });
}
