import type { CompareReport, VariantReport } from './report.ts';

/** The report as a table: a head, and a row for each variant that was built. */
export function comparisonRows({ variants }: CompareReport): string[][] {
  const built = variants.filter(({ notBuilt }) => notBuilt === undefined);
  const scored = built.some(({ accuracy }) => accuracy?.macroF1 !== undefined);
  const labelled = built.some(({ accuracy }) => accuracy?.labelAgreement !== undefined);
  const head = [
    ...['variant', 'build s', 'size MB', 'load ms', 'memory MB', 'p50 ms', 'texts/s', 'CPU ms/text', 'worst error'],
    ...(labelled ? ['labels %'] : ['least cosine']),
    ...(scored ? ['macro F1'] : []),
  ];
  return [head, ...built.map((variant) => rowOf(variant, { labelled, scored }))];
}

function rowOf(
  { id, build, speed, accuracy }: VariantReport,
  { labelled, scored }: { labelled: boolean; scored: boolean },
): string[] {
  const shown = (value: number | undefined, write: (value: number) => string) =>
    value === undefined ? '' : Number.isFinite(value) ? write(value) : 'none';
  const fixed = (digits: number) => (value: number) => value.toFixed(digits);
  return [
    id,
    shown(build?.seconds, fixed(2)),
    shown(build && build.bytes / 1e6, fixed(1)),
    shown(speed?.loadMilliseconds, fixed(0)),
    shown(speed && speed.memoryBytes / 1e6, fixed(0)),
    shown(speed?.latencyMilliseconds, (value) => value.toFixed(value < 10 ? 2 : 1)),
    shown(speed?.textsPerSecond, fixed(1)),
    shown(speed?.cpuMilliseconds, (value) => value.toFixed(value < 10 ? 2 : 1)),
    shown(accuracy?.worstError, (value) => (value === 0 ? '0' : value.toPrecision(2))),
    labelled ? shown(accuracy?.labelAgreement, (value) => (100 * value).toFixed(1)) : shown(accuracy?.cosine, fixed(5)),
    ...(scored ? [shown(accuracy?.macroF1, fixed(1))] : []),
  ];
}
