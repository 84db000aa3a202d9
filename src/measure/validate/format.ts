import { ConchError } from '../../base/index.ts';
import type { ValidationReport } from './report.ts';

/** The report as a table for a terminal, without colour, ending in the verdict. */
export function formatReport(_report: ValidationReport): string {
  throw new ConchError('NOT_SUPPORTED', 'formatReport is being written');
}

/** The report as JSON can hold it: numbers that are not finite become the strings `NaN`, `Infinity`, `-Infinity`. */
export function reportToJson(_report: ValidationReport): Record<string, unknown> {
  throw new ConchError('NOT_SUPPORTED', 'reportToJson is being written');
}
