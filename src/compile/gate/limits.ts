import type { Precision } from '../lowering/lower.ts';

/** How far a compiled model may depart from its source. What is left out has the default of its precision. */
export interface GateLimits {
  /** Largest absolute error of an output's element; 1e-4 for fp32, no limit by default for what is rounded on purpose. */
  max_error?: number;
  /** Share of inputs that keep their label, 0 to 1; for classifiers. */
  label_agreement?: number;
  /** Points (of 100) of macro F1 that may be lost, where `expect` gives labels. */
  score_loss?: number;
  /** Least mean of the cosines between an output's rows and the source's; for what is not a classifier. */
  mean_cosine?: number;
  /** The same for every single row. */
  cosine?: number;
}

const rounded = { label_agreement: 0.99, score_loss: 0.5 };

const defaults: Readonly<Record<Precision, GateLimits>> = {
  fp32: { max_error: 1e-4 },
  fp16: { ...rounded, mean_cosine: 0.9999, cosine: 0.999 },
  int8: { ...rounded, mean_cosine: 0.98, cosine: 0.9 },
  'int8-static': { ...rounded, mean_cosine: 0.98, cosine: 0.9 },
  'int8-weight-only': { ...rounded, mean_cosine: 0.99, cosine: 0.95 },
  'int4-weight-only': { ...rounded, mean_cosine: 0.95, cosine: 0.8 },
};

export function limitsFor(precision: Precision, given: GateLimits = {}): GateLimits {
  return { ...defaults[precision], ...given };
}
