import { percentile } from '../../base/index.ts';
import type { Sample } from '../gate/sample.ts';
import { askChild } from './child.ts';
import type { SpeedFigures } from './report.ts';

/** Texts and one batch that run before the clock starts. */
export const warmUps = 8;
/** Quick models run their texts again until this much time has gone by. */
export const leastMilliseconds = 500;

/** What the process that serves is told. */
export interface TimingOrder {
  readonly path: string;
  readonly runtimePasses: boolean;
  readonly threads: number;
  /** Each text by itself. */
  readonly alone: readonly Sample[];
  readonly batches: readonly Sample[];
  /** Texts in `batches`. */
  readonly count: number;
}

/** One round of an ONNX variant, in a process that holds nothing else. */
export function timeOnnx(order: TimingOrder, signal?: AbortSignal): Promise<SpeedFigures> {
  return askChild('timing-process', order, signal);
}

/** Figure by figure. */
export function medians(rounds: readonly SpeedFigures[]): SpeedFigures {
  const median = (figure: keyof SpeedFigures) =>
    percentile(Float64Array.from(rounds, (round) => round[figure]).sort(), 50);
  return {
    loadMilliseconds: median('loadMilliseconds'),
    memoryBytes: median('memoryBytes'),
    latencyMilliseconds: median('latencyMilliseconds'),
    textsPerSecond: median('textsPerSecond'),
    cpuMilliseconds: median('cpuMilliseconds'),
  };
}
