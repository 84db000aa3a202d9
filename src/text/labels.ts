import { ConchError } from '../base/index.ts';

/**
 * A checkpoint's class names in the order of its logits. `id2label` of config.json must name every class from 0 on
 * (CHECKPOINT_INVALID otherwise); without it the names are transformers' own, LABEL_0 and so on.
 */
export function readLabels(config: {
  id2label?: Readonly<Record<string, string>> | undefined;
  num_labels?: number | undefined;
}): string[] {
  const { id2label, num_labels } = config;
  if (id2label === undefined || id2label === null) {
    // Transformers' default is two classes.
    const count = num_labels ?? 2;
    if (!Number.isInteger(count) || count < 1 || count > 1_000_000) {
      throw new ConchError('CHECKPOINT_INVALID', `num_labels: expected a positive integer, got ${count}`);
    }
    return Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  }
  const count = Object.keys(id2label).length;
  const labels = Array.from({ length: count }, (_, i) => id2label[i]);
  const missing = labels.findIndex((label) => typeof label !== 'string');
  if (missing >= 0 || count === 0) {
    const keys = Object.keys(id2label).slice(0, 8).join(', ');
    throw new ConchError(
      'CHECKPOINT_INVALID',
      `id2label names ${count} classes (${keys || 'none'}), but no string for class ${Math.max(0, missing)}`,
      { where: { path: 'id2label' }, fix: 'number the classes from 0 without gaps' },
    );
  }
  return labels as string[];
}

/** Probabilities of logits; exact for large values, as the greatest one is subtracted first. */
export function softmax(logits: ArrayLike<number>): number[] {
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) greatest = Math.max(greatest, logits[i]!);
  const powers = Array.from(logits, (logit) => (logit === greatest ? 1 : Math.exp(logit - greatest)));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
