import type { Layout } from '../architectures/index.ts';
import type { Maker } from './variants.ts';

/** What `conch compile --compare` found. */
export interface CompareReport {
  readonly model: string;
  readonly target: string;
  /** The variant that accuracy is told against. */
  readonly reference: string;
  /** Largest absolute difference of the reference from the source's own logits, where `expect` gives them. */
  readonly sourceError?: number;
  /** Texts of the accuracy, and of the timing with their mean length. */
  readonly texts: { readonly compared: number; readonly timed: number; readonly meanTokens: number };
  readonly batch: number;
  readonly rounds: number;
  /** Of one operator, for every variant. */
  readonly threads: number;
  readonly machine: Machine;
  /** Of conch, Node and the runtimes; of Python's packages where they took part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly variants: readonly VariantReport[];
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  /** Vector instructions that decide how fast INT8 and FP16 are, where the system tells. */
  readonly instructions: readonly string[];
  readonly memoryBytes: number;
  readonly system: string;
  /** Processes that ran or waited over the last minute, before anything was built: near 0 on a quiet machine. */
  readonly load: number;
}

export interface VariantReport {
  readonly id: string;
  readonly title: string;
  readonly maker: Maker;
  readonly layout: Layout;
  /** Why there is nothing to tell, and the command that would change that. */
  readonly notBuilt?: { readonly reason: string; readonly fix?: string };
  readonly build?: BuildFigures;
  readonly speed?: SpeedFigures;
  readonly accuracy?: AccuracyFigures;
}

export interface BuildFigures {
  /** From starting the process to the files, with what it was made from. */
  readonly seconds: number;
  /** The process's highest resident memory, of the last step; absent where the system does not tell. */
  readonly peakBytes?: number;
  /** Size of the files. */
  readonly bytes: number;
}

/** Medians over the rounds. */
export interface SpeedFigures {
  readonly loadMilliseconds: number;
  /** Memory of the process that serves it, after it ran: PSS on Linux, else the resident set. */
  readonly memoryBytes: number;
  /** Of a text alone: the 50th percentile over the texts. */
  readonly latencyMilliseconds: number;
  /** In batches of texts as they come. */
  readonly textsPerSecond: number;
  /** Processor time of a text in a batch, in all threads. */
  readonly cpuMilliseconds: number;
}

export interface AccuracyFigures {
  /** Largest absolute difference of an element of the first output. */
  readonly worstError: number;
  /** Least and mean cosine of its rows. */
  readonly cosine: number;
  readonly meanCosine: number;
  /** For classifiers, 0 to 1. */
  readonly labelAgreement?: number;
  /** In points of 100, where the texts have labels. */
  readonly macroF1?: number;
}
