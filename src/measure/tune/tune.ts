import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { type Progress, packageVersion, silentProgress, track } from '../../base/index.ts';
import { milliseconds, rate } from '../bench/format.ts';
import { describeLoad } from '../bench/load.ts';
import { type EvaluateOptions, evaluate, type TunableServer } from './evaluate.ts';
import { Journal } from './journal.ts';
import { bestLoad, type Goal, type Measurement, outcomeOf } from './measurement.ts';
import { paretoFront } from './pareto.ts';
import { reasonsFor } from './reasons.ts';
import type { Trial, TuneReport } from './report.ts';
import { Search } from './search.ts';
import type { Point, Space } from './space.ts';

export interface TuneOptions {
  readonly model: string;
  readonly space: Space;
  readonly server: TunableServer;
  readonly goal: Goal;
  readonly bench: EvaluateOptions['bench'];
  /** Milliseconds for all of it; absent: no bound. */
  readonly budgetMs?: number;
  /** Measurements at most; absent: a tenth of the configurations, at least twelve. */
  readonly measurements?: number;
  readonly seed?: number;
  /** Where measurements are kept; absent: nowhere. */
  readonly journal?: string;
  /** What the measurements depend on beside the machine and the load: the content of the model, the server. */
  readonly subject?: unknown;
  /** Bytes of memory that must stay free; default an eighth of all, at most 2 GiB. */
  readonly reserveBytes?: number;
  readonly notes?: readonly string[];
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
  /** For tests and simulations, in place of a measurement. */
  readonly measure?: (point: Point) => Promise<Measurement>;
}

/** Share of the measurements for measuring the best again: the first look at one that is best by chance flatters it. */
const confirmed = 0.15;
/** Above this share of the machine for others a measurement is made once more, and the less disturbed one counts. */
const disturbed = 0.25;
/** A simpler configuration within this share of the best is taken instead. */
const simpler = 0.01;

/**
 * Searches the settings of a model for the best under its goal, measuring as few configurations as it can. Every
 * measurement goes into the journal, and one that is there is not made again. Throws what no configuration could change
 * (USAGE, MODEL_NOT_FOUND) and the signal's reason.
 */
export async function tune(options: TuneOptions): Promise<TuneReport> {
  const { space, goal, bench, progress = silentProgress, signal, now = () => performance.now() } = options;
  const started = now();
  const machine = machineOf();
  const journal = await Journal.open(options.journal, dependencies(options, machine));
  const measurements = options.measurements ?? Math.max(12, Math.ceil(space.size / 10));
  const held = measurements >= 12 ? Math.max(2, Math.round(confirmed * measurements)) : 0;
  const search = new Search(space, { budget: measurements - held, seed: options.seed ?? 1 });
  const { reserveBytes = Math.min(2 ** 31, totalmem() / 8) } = options;
  const settings: EvaluateOptions = { server: options.server, bench, reserveBytes, gpuReserve: 0.05, signal };
  const measureOne = options.measure ?? ((point: Point) => evaluate(point, settings));
  const results = new Map<string, { point: Point; list: Measurement[] }>();
  const tooMuch: Point[] = [];
  let [made, fromJournal] = [0, 0];
  const late = () => options.budgetMs !== undefined && now() - started >= options.budgetMs;

  const measure = async (point: Point, again = false): Promise<readonly Measurement[]> => {
    signal?.throwIfAborted();
    const id = point.join();
    const known = results.get(id) ?? { point, list: [] };
    results.set(id, known);
    if (known.list.length > 0 && !again) return known.list;
    const kept = journal.of(id)[known.list.length];
    made += 1;
    if (kept) {
      fromJournal += 1;
      known.list.push(kept);
    } else if (exceeds(space, point, tooMuch)) {
      known.list.push({ id, loads: [], failed: 'not tried: less of it ran out of memory', seconds: 0 });
    } else {
      const title = `${made}/${measurements} ${space.describe(point)}`;
      const done = await track(progress, title, () => undisturbed(() => measureOne(point)), describe(goal));
      known.list.push(done);
      if (done.failed?.startsWith('stopped before memory')) tooMuch.push(point);
      await journal.add(done);
    }
    return known.list;
  };

  const told = async (point: Point, again = false) => {
    const list = await measure(point, again);
    search.tell(point, outcomeOf(list, goal), list.length);
  };

  let stoppedBy: TuneReport['stoppedBy'] = 'search';
  try {
    for (let point = search.ask(); point; point = search.ask()) {
      if (late()) {
        stoppedBy = 'budget';
        break;
      }
      await told(point);
    }
    if (made >= measurements - held) stoppedBy = 'measurements';
    if (held > 0 && !late()) {
      const [best] = search.ranked();
      const believe = search.believe();
      const candidate = best && believe && simplified(space, best.point, (point) => believe(point).mean);
      if (candidate && !results.has(candidate.join())) await told(candidate);
      for (let point = search.again(); point && !late() && made < measurements; point = search.again()) {
        await told(point, true);
      }
    }
    const ranked = search.ranked();
    const [best] = ranked;
    const winner = best && fewestChanges(space, ranked, best.worth);
    const trialOf = ({ point, list }: { point: Point; list: readonly Measurement[] }) =>
      trial(space, point, list, goal);
    const trials = [...results.values()].map(trialOf);
    const of = (id: string) => results.get(id)?.list ?? [];
    const present = of(space.present.join());
    const before = present.length > 0 ? outcomeOf(present, goal) : undefined;
    const after = winner && outcomeOf(of(winner.point.join()), goal);
    const gain = after && before && !before.failed ? Math.exp(after.objective - before.objective) : undefined;
    return {
      ...{ model: options.model, goal, loads: bench.loads.map(describeLoad), machine, journal: options.journal },
      ...{ configurations: space.all().length, measurements: made, fromJournal, stoppedBy, gain, trials },
      seconds: (now() - started) / 1000,
      pareto: paretoFront(trials),
      present: trial(space, space.present, present, goal),
      winner: winner && trial(space, winner.point, of(winner.point.join()), goal),
      reasons: winner ? reasonsFor(space, winner.point, goal, of, search.believe()) : [],
      notes: [...(options.notes ?? []), ...disturbance([...results.values()].flatMap(({ list }) => list))],
    };
  } finally {
    await options.server.close();
  }
}

/** One measurement, or the better of two where others had much of the machine during the first. */
async function undisturbed(measure: () => Promise<Measurement>): Promise<Measurement> {
  const first = await measure();
  if (first.failed !== undefined || (first.others ?? 0) <= disturbed) return first;
  const second = await measure();
  return second.failed === undefined && (second.others ?? 0) < first.others! ? second : first;
}

/** The point with each setting that is believed to be worth nothing put back to what it is now. */
function simplified(space: Space, best: Point, believe: (point: Point) => number): Point {
  let point = best;
  for (const [at, { present }] of space.dimensions.entries()) {
    const without = space.canonical(point.with(at, present));
    if (believe(without) >= believe(best) - simpler / 2) point = without;
  }
  return point;
}

/** Of the points within a little of the best the one that changes least. */
function fewestChanges<One extends { readonly point: Point; readonly worth: number }>(
  space: Space,
  ranked: readonly One[],
  best: number,
): One | undefined {
  const changes = ({ point }: One) => point.filter((index, at) => index !== space.present[at]).length;
  return ranked
    .filter(({ worth }) => worth >= best - simpler)
    .reduce<One | undefined>((least, one) => (!least || changes(one) < changes(least) ? one : least), undefined);
}

/** Whether a point asks for at least as much memory, in every setting that costs any, as one that ran out of it. */
function exceeds(space: Space, point: Point, tooMuch: readonly Point[]): boolean {
  return tooMuch.some((other) =>
    space.dimensions.every(({ setting }, at) => {
      if (setting === 'precision') return point[at] === other[at];
      return !['instances', 'max_batch_size', 'max_batch_tokens'].includes(setting) || point[at]! >= other[at]!;
    }),
  );
}

function trial(space: Space, point: Point, list: readonly Measurement[], goal: Goal): Trial {
  const last = list.at(-1);
  const outcome = list.length > 0 ? outcomeOf(list, goal) : undefined;
  return {
    point,
    settings: space.describe(point),
    best: last && bestLoad(last, goal),
    pssBytes: last?.pssBytes,
    gpuBytes: last?.gpuBytes,
    kept: outcome !== undefined && !outcome.failed && outcome.constraints.every((one) => one <= 0),
    failed: last?.failed,
    measured: list.length,
  };
}

function disturbance(measurements: readonly Measurement[]): string[] {
  const shares = measurements.flatMap(({ others }) => others ?? []);
  const many = shares.filter((share) => share > disturbed).length;
  if (many === 0) return [];
  return [
    `in ${many} of ${shares.length} measurements other processes took more than ${100 * disturbed} % of the machine: on a quiet one the answer may be another`,
  ];
}

function describe(goal: Goal) {
  return (measurement: Measurement): string => {
    const best = bestLoad(measurement, goal);
    if (measurement.failed !== undefined || !best) return measurement.failed ?? 'nothing was answered';
    return `${rate(best.throughput)} inferences/s, p99 ${milliseconds(best.p99)} ms`;
  };
}

function dependencies({ model, space, bench, subject }: TuneOptions, machine: TuneReport['machine']): unknown {
  const { loads, requests, rampMs, warmupMs, durationMs, stability, metric, tensors, loadThreads } = bench;
  const { countTokens: _, ...sent } = requests ?? {};
  return {
    ...{ model, dimensions: space.dimensions, conch: packageVersion(), subject },
    machine: { processor: machine.processor, cores: machine.cores, memoryBytes: machine.memoryBytes },
    bench: { loads, sent, rampMs, warmupMs, durationMs, stability, metric, tensors, loadThreads },
  };
}

function machineOf(): TuneReport['machine'] {
  return {
    processor: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    load: loadavg()[0]!,
  };
}
