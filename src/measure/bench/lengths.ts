import { ConchError } from '../../base/index.ts';
import { normalFrom, seededRandom } from './random.ts';

/** How long texts are: words of a text, or tokens where a model takes tokens. */
export interface LengthDistribution {
  readonly kind: 'fixed' | 'uniform' | 'normal' | 'lognormal';
  /** fixed: the length; uniform: least and most; normal: mean and deviation; lognormal: median and deviation of the logarithm. */
  readonly values: readonly number[];
}

export const defaultLengths: LengthDistribution = { kind: 'lognormal', values: [32, 0.45] };

const forms: Readonly<Record<LengthDistribution['kind'], { count: number; defaults: readonly number[] }>> = {
  fixed: { count: 1, defaults: [] },
  uniform: { count: 2, defaults: [] },
  normal: { count: 2, defaults: [Number.NaN, 12] },
  lognormal: { count: 2, defaults: [Number.NaN, 0.45] },
};

/** Reads `fixed:32`, `uniform:8:128`, `normal:32:12`, `lognormal:32:0.45`, or a bare `32`. Throws USAGE. */
export function parseLengths(text: string, flag: string): LengthDistribution {
  const [name = '', ...rest] = /^\d+$/.test(text) ? ['fixed', text] : text.split(':');
  const form = Object.hasOwn(forms, name) ? forms[name as LengthDistribution['kind']] : undefined;
  const values = rest.map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const whole = form ? [...values, ...form.defaults.slice(values.length)] : [];
  const [first = 0, second = 1] = whole;
  const fits = form && whole.length === form.count && whole.every((value) => value > 0 && value <= 1e6);
  if (!fits || (name === 'uniform' && second < first)) {
    throw new ConchError(
      'USAGE',
      `${flag}: expected fixed:N, uniform:MIN:MAX, normal:MEAN:DEVIATION or lognormal:MEDIAN:SIGMA, got '${text}'`,
      { fix: `${flag} normal:32:12` },
    );
  }
  return { kind: name as LengthDistribution['kind'], values: whole };
}

/** So many lengths of at least 1, the same for the same seed. */
export function drawLengths({ kind, values }: LengthDistribution, count: number, seed: number): number[] {
  const random = seededRandom(seed);
  const [first = 1, second = 0] = values;
  const draw: Record<LengthDistribution['kind'], () => number> = {
    fixed: () => first,
    uniform: () => first + random() * (second - first),
    normal: () => first + second * normalFrom(random),
    lognormal: () => first * Math.exp(second * normalFrom(random)),
  };
  return Array.from({ length: count }, () => Math.max(1, Math.round(draw[kind]())));
}
