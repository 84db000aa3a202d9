import type { BenchReport } from '../bench/report.ts';
import type { Goal, LoadMeasurement, Measurement } from './measurement.ts';
import type { Point, Setting, SettingValue } from './space.ts';

/** A measured configuration. */
export interface Trial {
  readonly point: Point;
  /** `instances 2, max_batch_size 32`. */
  readonly settings: string;
  /** Under the load at which it does best. */
  readonly best: LoadMeasurement | undefined;
  readonly pssBytes: number | undefined;
  readonly gpuBytes: number | undefined;
  /** Keeps every bound. */
  readonly kept: boolean;
  readonly failed: string | undefined;
  /** How often it was measured. */
  readonly measured: number;
}

/** A setting of the winner, and why it has its value. */
export interface Reason {
  readonly model: string;
  readonly setting: Setting;
  readonly from: SettingValue;
  readonly to: SettingValue;
  readonly reason: string;
}

export interface TuneReport {
  readonly model: string;
  readonly goal: Goal;
  readonly loads: readonly string[];
  /** Configurations there are, and measurements made, of which so many were taken from the journal. */
  readonly configurations: number;
  readonly measurements: number;
  readonly fromJournal: number;
  readonly seconds: number;
  readonly machine: BenchReport['machine'];
  readonly trials: readonly Trial[];
  /** Those that no other beats in throughput, p99 and memory together. */
  readonly pareto: readonly Trial[];
  readonly present: Trial;
  readonly winner: Trial | undefined;
  /** The winner's objective over the present one's: of latencies the inverse, so that above 1 is better. */
  readonly gain: number | undefined;
  readonly reasons: readonly Reason[];
  readonly journal: string | undefined;
  /** Precisions that were left out, and why. */
  readonly notes: readonly string[];
  readonly stoppedBy: 'search' | 'budget' | 'measurements';
}

export type { Goal, Measurement };
