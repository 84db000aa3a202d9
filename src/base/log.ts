import { type Logger, pino } from 'pino';
import { redact } from './redact.ts';

export type { Logger };
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** A structured logger on standard error. Messages and errors pass through `redact`; payloads are never logged. */
export function createLogger(level: LogLevel = 'info', name = 'conch'): Logger {
  return pino(
    {
      name,
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: redact },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
