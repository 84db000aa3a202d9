export { type BenchOptions, bench } from './bench/bench.ts';
export { conditions, loadRows, milliseconds, rate, remarks, resourceRows, serverRows } from './bench/format.ts';
export {
  benchInstances,
  type InstancesReport,
  type InstancesServer,
  instancesPage,
  instancesRows,
} from './bench/instances.ts';
export { type LengthDistribution, parseLengths } from './bench/lengths.ts';
export type { Limit } from './bench/limits.ts';
export { describeLoad, type Load } from './bench/load.ts';
export { benchPage } from './bench/page.ts';
export type { BenchReport, LoadPoint, Metric } from './bench/report.ts';
export type { RequestOptions } from './bench/request-set.ts';
export { modelsInside } from './bench/server-statistics.ts';
export { withInstances } from './server/instances.ts';
export { loadModel, unloadModel } from './server/model-control.ts';
export { copyModels, readConfigText, writeConfigText } from './server/repository-copy.ts';
export { type ServerProcess, startServerProcess } from './server/server-process.ts';
export { deploymentEdits } from './tune/deployment-edits.ts';
export { editDeployment } from './tune/edit-deployment.ts';
export { evaluate } from './tune/evaluate.ts';
export { paretoRows, reasonRows, verdict } from './tune/format.ts';
export { makeSpace } from './tune/make-space.ts';
export { type Goal, type Measurement, type Objective, outcomeOf } from './tune/measurement.ts';
export type { TuneReport } from './tune/report.ts';
export { editsFor, type Point, type Setting, type Space, settingName } from './tune/space.ts';
export { configFor, embeddedServer, remoteServer } from './tune/tunable-servers.ts';
export { type TuneOptions, tune } from './tune/tune.ts';
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
