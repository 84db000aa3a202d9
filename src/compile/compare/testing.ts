import type { CompareReport, VariantReport } from './report.ts';

/** A variant with plausible figures. */
export function variantReport(id: string, more: Partial<VariantReport> = {}): VariantReport {
  return {
    ...{ id, title: id, maker: 'conch', layout: 'padded' },
    build: { seconds: 1.25, bytes: 9.9e6 },
    speed: {
      ...{ loadMilliseconds: 40, memoryBytes: 86e6, latencyMilliseconds: 2.5 },
      ...{ textsPerSecond: 400, cpuMilliseconds: 4.5 },
    },
    accuracy: { worstError: 0.15, cosine: 0.99, meanCosine: 0.999, labelAgreement: 0.995, macroF1: 82.9 },
    ...more,
  };
}

/** A report of these variants. */
export function compareReport(variants: readonly VariantReport[], more: Partial<CompareReport> = {}): CompareReport {
  return {
    ...{ model: 'finbert', target: 'triton:26.07', reference: 'padded-fp32', sourceError: 1.7e-6 },
    texts: { compared: 212, timed: 64, meanTokens: 17.3 },
    ...{ batch: 8, rounds: 3, threads: 2 },
    machine: {
      ...{ processor: 'Some Processor', cores: 2, instructions: ['avx512_vnni', 'avx2'], memoryBytes: 8 * 2 ** 30 },
      ...{ system: 'linux 6', load: 0 },
    },
    versions: { conch: '1.2.3', node: '24.0.0' },
    variants,
    ...more,
  };
}
