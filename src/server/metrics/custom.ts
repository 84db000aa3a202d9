import type { CustomMetricFamily, CustomMetricValue } from '../../engine/index.ts';
import type { MetricFamily } from './exposition.ts';

type Sample = MetricFamily['samples'][number];

/**
 * The server's own families and those that models keep. A name that both have is one family, as in Triton; where the
 * types differ the server's stands.
 */
export function withCustom(own: readonly MetricFamily[], custom: readonly CustomMetricFamily[]): MetricFamily[] {
  const families = new Map(own.map((family) => [family.name, family]));
  for (const { name, description, kind, series } of custom) {
    const samples = series.flatMap((one) => samplesOf(one, kind));
    const same = families.get(name);
    if (!same) families.set(name, { name, help: description, type: kind, samples });
    else if (same.type === kind) families.set(name, { ...same, samples: [...same.samples, ...samples] });
  }
  return [...families.values()];
}

function samplesOf({ labels, value, count, buckets }: CustomMetricValue, kind: CustomMetricFamily['kind']): Sample[] {
  if (kind !== 'histogram') return [[labels, value]];
  return [
    [labels, count, '_count'],
    [labels, value, '_sum'],
    ...buckets.map(([bound, below]): Sample => [{ ...labels, le: String(bound) }, below, '_bucket']),
    [{ ...labels, le: '+Inf' }, count, '_bucket'],
  ];
}
