import type { Trial } from './report.ts';

/** The trials that none of the others beats in throughput, p99 and memory together; by throughput, highest first. */
export function paretoFront(trials: readonly Trial[]): Trial[] {
  const able = trials.filter(({ best }) => best !== undefined);
  const costs = ({ best, pssBytes, gpuBytes }: Trial) => [
    -best!.throughput,
    best!.p99,
    (pssBytes ?? 0) + (gpuBytes ?? 0),
  ];
  const beats = (one: Trial, other: Trial) => {
    const [a, b] = [costs(one), costs(other)];
    return a.every((cost, at) => cost <= b[at]!) && a.some((cost, at) => cost < b[at]!);
  };
  return able
    .filter((trial) => !able.some((other) => beats(other, trial)))
    .sort((one, other) => other.best!.throughput - one.best!.throughput);
}
