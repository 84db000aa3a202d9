import { ConchError, createLogger, type LogFormat, type Logger, type LogLevel, switchLog } from '../../base/index.ts';
import type { ServerOptions } from '../../server/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { boolean, positiveInteger, unsignedInteger, wholeNumber } from '../values.ts';

const logLevels = ['silent', 'error', 'warn', 'info', 'debug'];

export const logOption: Option = {
  flags: '--log-level <level>',
  summary: 'log to standard error: silent, error, warn, info, debug',
  choices: logLevels,
  default: 'warn',
};

/** Flags of `serve` about metrics, traces and the log; names and forms are Triton's, but for --log-level. */
export const observationOptions: readonly Option[] = [
  { flags: '--allow-metrics <bool>', summary: 'serve metrics (default: true)', parse: boolean },
  {
    flags: '--allow-cpu-metrics <bool>',
    summary: "show the machine's load and memory (default: true)",
    parse: boolean,
  },
  { flags: '--metrics-address <host>', summary: 'address of the metrics (default: that of --http-address)' },
  {
    flags: '--metrics-interval-ms <ms>',
    summary: 'time between two readings of the machine (default: 2000)',
    parse: positiveInteger,
  },
  {
    flags: '--metrics-config <setting>',
    summary:
      'counter_latencies=false, histogram_latencies=true, summary_latencies=true, summary_quantiles="0.5:0.05,0.9:0.01"; may be repeated',
    many: true,
  },
  {
    flags: '--trace-config <setting>',
    summary:
      'triton,file=<path>, level=TIMESTAMPS or TENSORS, rate=<n>, count=<n>, triton,log-frequency=<n>; may be repeated',
    many: true,
  },
  logOption,
  { flags: '--log-verbose <n>', summary: '1: log as --log-level debug; 2: more still', parse: unsignedInteger },
  { flags: '--log-info <bool>', summary: 'switch information lines on or off', parse: boolean },
  { flags: '--log-warning <bool>', summary: 'switch warnings on or off', parse: boolean },
  { flags: '--log-error <bool>', summary: 'switch errors on or off', parse: boolean },
  {
    flags: '--log-format <format>',
    summary: 'times as ISO 8601 text, or in milliseconds (default)',
    choices: ['default', 'ISO8601'],
    default: 'ISO8601',
  },
];

export function observationFrom(
  options: CommandInput['options'],
): Partial<ServerOptions> & { readonly logger: Logger } {
  const trace = (options.traceConfig ?? []) as readonly string[];
  return {
    logger: loggerFrom(options),
    metricsPort: options.allowMetrics === false ? false : (options.metricsPort as number),
    latencyMetrics: latencyMetrics((options.metricsConfig ?? []) as readonly string[]),
    ...(options.allowCpuMetrics !== undefined && { allowCpuMetrics: options.allowCpuMetrics as boolean }),
    ...(options.metricsAddress !== undefined && { metricsAddress: options.metricsAddress as string }),
    ...(options.metricsIntervalMs !== undefined && { metricsIntervalMs: options.metricsIntervalMs as number }),
    ...(trace.length > 0 && { trace: traceSetting(trace) }),
  };
}

function loggerFrom(options: CommandInput['options']): Logger {
  const logger = createLogger(options.logLevel as LogLevel, 'conch', options.logFormat as LogFormat);
  const { logVerbose, logInfo, logWarning, logError } = options;
  switchLog(logger, {
    ...(logVerbose !== undefined && { verboseLevel: logVerbose as number }),
    ...(logInfo !== undefined && { info: logInfo as boolean }),
    ...(logWarning !== undefined && { warning: logWarning as boolean }),
    ...(logError !== undefined && { error: logError as boolean }),
  });
  return logger;
}

function latencyMetrics(settings: readonly string[]): NonNullable<ServerOptions['latencyMetrics']> {
  const flag = '--metrics-config';
  const found: { -readonly [key in keyof NonNullable<ServerOptions['latencyMetrics']>]: unknown } = {};
  for (const text of settings) {
    const [name, value] = pair(text, flag);
    if (name === 'counter_latencies') found.counters = boolean(value, `${flag} ${name}`);
    else if (name === 'histogram_latencies') found.histograms = boolean(value, `${flag} ${name}`);
    else if (name === 'summary_latencies') found.summaries = boolean(value, `${flag} ${name}`);
    else if (name === 'summary_quantiles') found.quantiles = quantiles(value, `${flag} ${name}`);
    else throw unknown(flag, name, 'counter_latencies, histogram_latencies, summary_latencies and summary_quantiles');
  }
  return found as NonNullable<ServerOptions['latencyMetrics']>;
}

/** `0.5:0.05,0.9:0.01`: quantiles with the error that Triton may make; ours are exact. */
function quantiles(text: string, what: string): number[] {
  return text.split(',').map((one) => {
    const value = Number(one.split(':')[0]);
    if (/^\d*\.?\d+(:\d*\.?\d+)?$/.test(one) && value <= 1) return value;
    throw new ConchError('USAGE', `${what}: expected quantiles with errors like 0.5:0.05,0.9:0.01, got '${text}'`);
  });
}

function traceSetting(settings: readonly string[]): NonNullable<ServerOptions['trace']> {
  const flag = '--trace-config';
  const levels: ('TIMESTAMPS' | 'TENSORS')[] = [];
  const found: { -readonly [key in keyof NonNullable<ServerOptions['trace']>]: unknown } = { levels };
  for (const text of settings) {
    const mode = /^([^,=]+),/.exec(text)?.[1];
    const [name, value] = pair(mode === undefined ? text : text.slice(mode.length + 1), flag);
    const what = `${flag} ${name}`;
    if (mode === 'opentelemetry' || (name === 'mode' && value === 'opentelemetry')) {
      throw new ConchError('USAGE', `${flag}: the embedded server writes traces in mode triton only`);
    }
    if (mode !== undefined && mode !== 'triton') throw unknown(flag, mode, 'mode triton');
    if (name === 'file') found.file = value;
    else if (name === 'rate') found.rate = wholeNumber(value, what, 0, 2 ** 32 - 1);
    else if (name === 'count') found.count = value === '-1' ? -1 : wholeNumber(value, what, 0, 2 ** 31 - 1);
    else if (name === 'log-frequency') found.logFrequency = wholeNumber(value, what, 0, 2 ** 32 - 1);
    else if (name === 'level') {
      if (value !== 'OFF' && value !== 'TIMESTAMPS' && value !== 'TENSORS')
        throw new ConchError('USAGE', `${what}: expected OFF, TIMESTAMPS or TENSORS, got '${value}'`);
      if (value === 'OFF') levels.length = 0;
      else if (!levels.includes(value)) levels.push(value);
    } else if (name !== 'mode') throw unknown(flag, name, 'file, level, rate, count, log-frequency and mode');
  }
  return found as NonNullable<ServerOptions['trace']>;
}

function pair(text: string, flag: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new ConchError('USAGE', `${flag}: expected <setting>=<value>, got '${text}'`);
}

function unknown(flag: string, name: string, known: string): ConchError {
  return new ConchError('USAGE', `${flag}: '${name}' is unknown; there is ${known}`);
}
