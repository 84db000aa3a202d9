/**
 * How few measurements `conch tune` needs: every configuration of three models is measured once (a tiny perceptron, a
 * packed encoder, an ensemble that takes text), the results are kept in bench/surfaces/, and many searches with other
 * seeds run over them, each with a tenth of the measurements. `node bench/tune.ts`: the table from what is kept;
 * `--measure all` (or kinds) measures what is missing and goes on where it stopped, when the machine is quiet; with
 * `--rounds 5` what may be the best is measured five times;
 * `--real` also runs one search against the server; `--write` puts the table into docs/benchmarks.md.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { silentProgress } from '../src/base/index.ts';
import { compileDeployment } from '../src/index.ts';
import {
  embeddedServer,
  evaluate,
  type Goal,
  type Measurement,
  makeSpace,
  outcomeOf,
  type Point,
  remoteServer,
  type Space,
  startServerProcess,
  type TuneOptions,
  tune,
} from '../src/measure/index.ts';
import { openRepository } from '../src/repository/index.ts';
import { whenQuiet } from './quiet.ts';
import { table, writeSection } from './report.ts';

const { values } = parseArgs({
  options: {
    measure: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '100' },
    real: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const command = [process.execPath, join(root, 'src/main.ts')];
const loads = [{ kind: 'closed', concurrency: 16 }] as const;
const bench = { loads, warmupMs: 150, durationMs: 500, stability: 0 };

interface Kind {
  readonly name: string;
  readonly model: string;
  readonly models: readonly string[];
}

const kinds: readonly Kind[] = [
  { name: 'perceptron', model: 'simple_net', models: ['simple_net'] },
  { name: 'encoder', model: 'packed-model', models: ['packed-model'] },
  { name: 'ensemble', model: 'finbert', models: ['finbert', 'finbert-tokenizer', 'finbert-model'] },
];

/** What was measured of a kind; a list for each point, one measurement a round. */
interface Surface {
  readonly kind: string;
  readonly measurements: Record<string, Measurement[]>;
}

const surfaceFile = (kind: string) => join(root, 'bench/surfaces', `${kind}.jsonl`);

async function build(work: string): Promise<string> {
  const example = (path: string) => join(root, 'examples', path);
  const layers = [
    { name: 'net.0', activation: 'relu' } as const,
    { name: 'net.2', activation: 'relu' } as const,
    { name: 'net.4' },
  ];
  const models = {
    simple_net: { weights: example('simple_net/weights.safetensors'), layers },
    packed: { checkpoint: example('finbert/checkpoint'), layout: 'packed' as const },
    finbert: { checkpoint: example('finbert/checkpoint') },
  };
  return (await compileDeployment({ deployment: { models }, file: undefined, baseDir: work }, {})).repository;
}

async function configsOf(repository: string, { models }: Kind) {
  const entries = (await openRepository(repository)).models;
  return models.map((name) => ({ name, config: entries.find((one) => one.name === name)!.parsed!.config }));
}

async function spaceOf(repository: string, kind: Kind): Promise<Space> {
  // The surfaces are of a machine with two processors.
  return makeSpace({ models: await configsOf(repository, kind), cores: 2, fixed: ['threads'] });
}

/** A line for each point: `[id, [throughput, p50, p99] of each round]`, or the reason why there is nothing. */
async function readSurface(kind: string): Promise<Surface> {
  const text = existsSync(surfaceFile(kind)) ? await readFile(surfaceFile(kind), 'utf8') : '';
  const measurements: Surface['measurements'] = {};
  for (const line of text.split('\n').filter(Boolean)) {
    const [id, rounds] = JSON.parse(line) as [string, (string | [number, number, number])[]];
    measurements[id] = rounds.map((round): Measurement => {
      if (typeof round === 'string') return { id, loads: [], failed: round, seconds: 0 };
      const [throughput, p50, p99] = round;
      return { id, loads: [{ load: loads[0], throughput, p50, p99 }], seconds: 0 };
    });
  }
  return { kind, measurements };
}

async function writeSurface({ kind, measurements }: Surface): Promise<void> {
  const short = (value: number) => Number(value.toPrecision(5));
  const lines = Object.entries(measurements).map(([id, list]) => {
    const rounds = list.map(({ failed, loads: [load] }) =>
      load ? [load.throughput, load.p50, load.p99].map(short) : (failed ?? 'nothing was answered'),
    );
    return JSON.stringify([id, rounds]);
  });
  await mkdir(join(root, 'bench/surfaces'), { recursive: true });
  await writeFile(surfaceFile(kind), `${lines.sort().join('\n')}\n`);
}

/** Share of the best from which on a configuration is measured in every round. */
const contender = 0.8;

/** Round by round, so that what disturbs for a while disturbs one measurement of each configuration at most. */
async function measureRound(repository: string, kind: Kind, space: Space, round: number): Promise<void> {
  const surface = await readSurface(kind.name);
  // One process that takes a new configuration by model control: a start for each would take longer than to measure it.
  const flags = ['--model-control-mode=explicit', `--load-model=${kind.model}`];
  const served = await startServerProcess({ command, repository, flags });
  const configs = await configsOf(repository, kind);
  const server = remoteServer({ space, configs, url: served.url, control: { url: served.url }, pid: served.pid });
  const save = () => writeSurface(surface);
  try {
    // In an order without order, so that neighbours are not measured one after the other.
    const all = space.all().map((point, index) => ({ point, key: (index * 7919 + round * 31) % 1009 }));
    const rates = new Map(
      Object.entries(surface.measurements).map(([id, list]) => [id, mean(list).loads[0]?.throughput ?? 0]),
    );
    const top = Math.max(0, ...rates.values());
    for (const { point } of all.sort((one, other) => one.key - other.key)) {
      // Further rounds are for those that may be the best: the highest of hundreds is else the luckiest.
      if (round > 1 && (rates.get(point.join()) ?? 0) < contender * top) continue;
      const list = surface.measurements[point.join()] ?? [];
      surface.measurements[point.join()] = list;
      if (list.length >= round) continue;
      const options = { server, bench: { ...bench, model: kind.model }, reserveBytes: 1e9, gpuReserve: 0 };
      const { result } = await whenQuiet(
        () => evaluate(point, options),
        ({ others = 0 }) => others,
      );
      list.push(result);
      const done = Object.values(surface.measurements).filter(({ length }) => length >= round).length;
      console.error(`${kind.name} round ${round}: ${done} of ${all.length} ${list.at(-1)!.failed ?? ''}`);
      if (done % 20 === 0 || done === all.length) await save();
    }
  } finally {
    await save();
    await server.close();
    await served.close();
  }
}

const noServer = { apply: () => Promise.reject(new Error('no server')), close: async () => {} };

/** Searches over the kept measurements: each one's share of the optimum, and how many measurements it took. */
async function simulate(kind: Kind, space: Space, surface: Surface, goal: Goal, seeds: number) {
  const outcomes = new Map(
    space.all().map((point) => [point.join(), outcomeOf([mean(surface.measurements[point.join()]!)], goal)]),
  );
  const kept = [...outcomes.values()].filter(
    ({ failed, constraints }) => !failed && constraints.every((one) => one <= 0),
  );
  const optimum = Math.max(...kept.map(({ objective }) => objective));
  const present = outcomes.get(space.present.join())!;
  const found: { share: number; measurements: number }[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const report = await tune({
      ...{ model: kind.model, space, server: noServer, goal, seed, bench: { ...bench, model: kind.model } },
      measurements: Math.floor(outcomes.size / 10),
      measure: async (point) => mean(surface.measurements[point.join()]!),
    } satisfies TuneOptions);
    const outcome = report.winner && outcomes.get(report.winner.point.join())!;
    found.push({
      share: outcome ? Math.exp(outcome.objective - optimum) : 0,
      measurements: report.measurements,
    });
  }
  return { found, configurations: outcomes.size, present: Math.exp(present.objective - optimum) };
}

/** A point's rounds as one measurement: their mean, of logarithms. */
function mean(list: readonly Measurement[]): Measurement {
  const all = list.flatMap(({ loads: [load] }) => load ?? []);
  const [first] = all;
  if (!first) return list[0]!;
  const of = (pick: (load: Measurement['loads'][number]) => number) =>
    Math.exp(all.reduce((sum, load) => sum + Math.log(pick(load)), 0) / all.length);
  const load = {
    ...first,
    throughput: of((one) => one.throughput),
    p50: of((one) => one.p50),
    p99: of((one) => one.p99),
  };
  return { id: list[0]!.id, loads: [load], seconds: 0 };
}

const at = (list: readonly number[], share: number) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))]!;
const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

async function real(repository: string, kind: Kind, space: Space, goal: Goal, surface: Surface): Promise<string> {
  const server = await embeddedServer({ ...kind, space, repositories: new Map([['', repository]]), command });
  const report = await tune({
    ...{ model: kind.model, space, server, goal, bench: { ...bench, model: kind.model }, progress: silentProgress },
    measurements: Math.floor(space.all().length / 10),
  });
  // Judged by what was measured of that configuration before, by somebody else's clock so to speak.
  const outcome = (point: Point) => outcomeOf([mean(surface.measurements[point.join()]!)], goal).objective;
  const optimum = Math.max(...space.all().map(outcome));
  const winner = report.winner!;
  return `${kind.name}: ${winner.settings}; ${percent(Math.exp(outcome(winner.point) - optimum))} of the optimum with ${report.measurements} measurements in ${report.seconds.toFixed(0)} s`;
}

const work = await mkdtemp(join(tmpdir(), 'conch-bench-tune-'));
try {
  const repository = await build(work);
  const chosen = values.measure?.split(',').filter(Boolean) ?? [];
  for (let round = 1; values.measure !== undefined && round <= Number(values.rounds); round++) {
    for (const kind of kinds.filter(({ name }) => chosen.includes(name) || chosen.includes('all'))) {
      await measureRound(repository, kind, await spaceOf(repository, kind), round);
    }
  }
  const rows = [
    [
      'model',
      'goal',
      'configurations',
      'measured',
      'present settings',
      'mean',
      '10th percentile',
      'worst',
      'at least 95 %',
    ],
  ];
  const lines: string[] = [];
  for (const kind of kinds) {
    const space = await spaceOf(repository, kind);
    const surface = await readSurface(kind.name);
    if (space.all().some((point) => !surface.measurements[point.join()]?.length)) {
      console.error(`${kind.name} is not measured yet: node bench/tune.ts --measure ${kind.name}`);
      continue;
    }
    const medianP99 = at(
      Object.values(surface.measurements).map((list) => mean(list).loads[0]?.p99 ?? 1e9),
      0.3,
    );
    const goals: [string, Goal][] = [
      ['throughput', { objective: 'throughput' }],
      [`throughput, p99 at most ${medianP99.toFixed(1)} ms`, { objective: 'throughput', p99: medianP99 }],
    ];
    for (const [name, goal] of goals) {
      const { found, configurations, present } = await simulate(kind, space, surface, goal, Number(values.seeds));
      const shares = found.map(({ share }) => share);
      rows.push([
        ...[
          kind.name,
          name,
          String(configurations),
          String(Math.max(...found.map(({ measurements }) => measurements))),
        ],
        percent(present),
        ...[shares.reduce((sum, one) => sum + one, 0) / shares.length, at(shares, 0.1), Math.min(...shares)].map(
          percent,
        ),
        `${shares.filter((share) => share >= 0.95).length} of ${shares.length}`,
      ]);
    }
    if (values.real) lines.push(`- ${await real(repository, kind, space, goals[0]![1], surface)}`);
  }
  const text =
    `${table(rows)}\n\nShares of the best of all configurations, which were each measured; ${values.seeds} searches with other seeds over those ` +
    `measurements, each with at most a tenth of them. 16 clients, ${bench.durationMs / 1000} s a measurement.` +
    (lines.length > 0 ? `\n\nOne search each against the server itself, throughput alone:\n\n${lines.join('\n')}` : '');
  console.log(text);
  if (values.write) await writeSection('tune', 'Tuning with few measurements', text);
} finally {
  await rm(work, { recursive: true, force: true });
}
