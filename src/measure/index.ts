export { type BenchOptions, bench } from './bench/bench.ts';
export { conditions, loadRows, milliseconds, rate, remarks, resourceRows, serverRows } from './bench/format.ts';
export { type LengthDistribution, parseLengths } from './bench/lengths.ts';
export type { Limit } from './bench/limits.ts';
export { describeLoad, type Load } from './bench/load.ts';
export { benchPage } from './bench/page.ts';
export type { BenchReport, LoadPoint, Metric } from './bench/report.ts';
export type { RequestOptions } from './bench/request-set.ts';
export { type ServerProcess, startServerProcess } from './server/server-process.ts';
export { formatReport, reportToJson } from './validate/format.ts';
export type {
  Accuracy,
  ClassScores,
  Deviation,
  ValidationExample,
  ValidationFailure,
  ValidationReport,
} from './validate/report.ts';
export { type ValidateOptions, validate } from './validate/validate.ts';
