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
