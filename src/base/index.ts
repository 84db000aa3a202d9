export { formatBytes } from './bytes.ts';
export { cacheDirectory } from './cache-directory.ts';
export type { Diagnostic, Fix, Severity } from './diagnostic.ts';
export {
  ConchError,
  type ConchErrorOptions,
  type ErrorCode,
  errorCatalogue,
  formatWhere,
  type TritonStatus,
  toConchError,
  type Where,
} from './errors.ts';
export { hashBytes, hashFile, hashValue } from './hash.ts';
export { escaped, tableHtml } from './html.ts';
export {
  createLogger,
  type LogFormat,
  type Logger,
  type LogLevel,
  type LogSwitches,
  logSwitches,
  switchLog,
} from './log.ts';
export { makeFolders } from './make-folders.ts';
export { packageVersion } from './package.ts';
export { percentile } from './percentiles.ts';
export { printable } from './printable.ts';
export { type GroupEnd, runGroup } from './process-group.ts';
export { type Progress, type ProgressTask, silentProgress, track } from './progress.ts';
export {
  compileScript,
  environmentDir,
  environmentLock,
  environmentMarker,
  environmentPython,
  torchPython,
} from './python-environment.ts';
export { redact } from './redact.ts';
export { readTls, type TlsFiles, type TlsMaterial } from './tls.ts';
