import { formatBytes } from '../../base/index.ts';
import { milliseconds, rate } from '../bench/format.ts';
import { describeLoad } from '../bench/load.ts';
import type { Trial, TuneReport } from './report.ts';

/** A head and a row for each configuration that no other beats, the present and the chosen one marked. */
export function paretoRows({ pareto, present, winner, trials }: TuneReport): string[][] {
  const gpu = trials.some(({ gpuBytes }) => gpuBytes !== undefined);
  const head = ['', 'load', 'inferences/s', 'p99 ms', 'memory (PSS)', ...(gpu ? ['GPU'] : []), 'settings'];
  const same = (one: Trial, other: Trial | undefined) => one.point.join() === other?.point.join();
  const extra = [winner, present].filter((one) => one !== undefined && !pareto.some((other) => same(one, other)));
  const rows = [...pareto, ...(extra as Trial[])].map((trial) => {
    const { best, pssBytes, gpuBytes, settings } = trial;
    const mark = same(trial, winner) ? 'chosen' : same(trial, present) ? 'present' : trial.kept ? '' : 'breaks a bound';
    return [
      mark,
      best ? describeLoad(best.load) : '',
      best ? rate(best.throughput) : (trial.failed ?? '').slice(0, 40),
      best ? milliseconds(best.p99) : '',
      pssBytes === undefined ? '' : formatBytes(pssBytes),
      ...(gpu ? [gpuBytes === undefined ? '' : formatBytes(gpuBytes)] : []),
      settings,
    ];
  });
  return [head, ...rows];
}

/** A head and a row for each setting that the winner has changed. */
export function reasonRows({ reasons }: TuneReport): string[][] | undefined {
  if (reasons.length === 0) return undefined;
  const models = new Set(reasons.map(({ model }) => model)).size > 1;
  const shown = (value: string | number | undefined) => (value === undefined ? 'none' : String(value));
  return [
    [...(models ? ['model'] : []), 'setting', 'from', 'to', 'why'],
    ...reasons.map(({ model, setting, from, to, reason }) => [
      ...(models ? [model] : []),
      setting,
      shown(from),
      shown(to),
      reason,
    ]),
  ];
}

/** What came of the search, in sentences. */
export function verdict(report: TuneReport): string[] {
  const { winner, present, gain, goal, measurements, configurations, fromJournal, seconds, stoppedBy, machine } =
    report;
  const bounds = [
    ...(goal.p99 === undefined ? [] : [`p99 at most ${milliseconds(goal.p99)} ms`]),
    ...(goal.memoryBytes === undefined ? [] : [`memory at most ${formatBytes(goal.memoryBytes)}`]),
    ...(goal.minThroughput === undefined ? [] : [`at least ${rate(goal.minThroughput)} inferences/s`]),
  ];
  const under = bounds.length > 0 ? ` under ${bounds.join(', ')}` : '';
  const made = `${measurements} measurements of ${configurations} configurations in ${seconds.toFixed(0)} s`;
  const journal = fromJournal > 0 ? `, ${fromJournal} of them from the journal` : '';
  const why =
    stoppedBy === 'budget' ? '; the time was up' : stoppedBy === 'search' ? '; nothing better is to be expected' : '';
  const what = goal.objective === 'throughput' ? 'times the throughput' : 'times faster at p99';
  const first = !winner
    ? `no configuration that was measured keeps the bounds${under}`
    : winner.point.join() === present.point.join()
      ? `the present settings are the best that were found${under}`
      : `${winner.settings}: ${gain === undefined ? 'the best that was found' : `${gain.toFixed(2)} ${what} of the present settings`}${under}`;
  return [
    first,
    `${made}${journal}${why}`,
    `${machine.processor}, ${machine.cores} cores; load average ${machine.load.toFixed(1)} at the start`,
    ...(report.journal ? [`measurements are kept in ${report.journal}`] : []),
    ...report.notes,
  ];
}
