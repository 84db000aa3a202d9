import { type Logger, pino } from 'pino';
import { redact } from './redact.ts';

export type { Logger };
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** How a line tells its time: milliseconds since the epoch, or ISO 8601 text. */
export type LogFormat = 'default' | 'ISO8601';

/** What a logger lets through, in the terms of Triton's log settings. */
export interface LogSwitches {
  readonly info: boolean;
  readonly warning: boolean;
  readonly error: boolean;
  /** 0: no verbose lines; 1: debug; from 2: trace as well. */
  readonly verboseLevel: number;
  readonly format: LogFormat;
}

/** Of each logger made here: what it lets through now. */
const switches = new WeakMap<Logger, { -readonly [key in keyof LogSwitches]: LogSwitches[key] }>();

/** A structured logger on standard error. Messages and errors pass through `redact`; payloads are never logged. */
export function createLogger(level: LogLevel = 'info', name = 'conch', format: LogFormat = 'ISO8601'): Logger {
  const now = { ...fromLevel(level), format };
  const logger = pino(
    {
      name,
      level,
      base: null,
      timestamp: () => (now.format === 'ISO8601' ? pino.stdTimeFunctions.isoTime() : pino.stdTimeFunctions.epochTime()),
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        streamWrite: redact,
        // pino's levels are one threshold; Triton's are switches, of which a lower one may be on and a higher one off.
        logMethod(args, method, number) {
          if (lets(now, number)) method.apply(this, args);
        },
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
  switches.set(logger, now);
  return logger;
}

/** What a logger lets through; of one that conch did not make, as far as its level tells. */
export function logSwitches(logger: Logger): LogSwitches {
  return switches.get(logger) ?? { ...fromLevel(logger.level as LogLevel), format: 'default' };
}

/** Changes what a logger lets through, at once and for everybody who holds it. */
export function switchLog(logger: Logger, changes: Partial<LogSwitches>): LogSwitches {
  const now = switches.get(logger) ?? { ...logSwitches(logger) };
  Object.assign(now, changes);
  logger.level = levelOf(now);
  return { ...now };
}

function fromLevel(level: LogLevel): Omit<LogSwitches, 'format'> {
  const [error, warning, info] = [
    level !== 'silent',
    /warn|info|debug|trace/.test(level),
    /info|debug|trace/.test(level),
  ];
  return { error, warning, info, verboseLevel: /debug|trace/.test(level) ? 1 : 0 };
}

/** The lowest level that anything is let through at. */
function levelOf({ info, warning, error, verboseLevel }: LogSwitches): string {
  if (verboseLevel > 0) return verboseLevel > 1 ? 'trace' : 'debug';
  return info ? 'info' : warning ? 'warn' : error ? 'error' : 'silent';
}

function lets({ info, warning, error, verboseLevel }: LogSwitches, level: number): boolean {
  if (level >= 50) return error;
  if (level >= 40) return warning;
  if (level >= 30) return info;
  return level >= 20 ? verboseLevel > 0 : verboseLevel > 1;
}
