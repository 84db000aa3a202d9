import { ConchError } from '../../base/index.ts';
import type { ProxyOptions } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { positiveInteger, unsignedInteger } from '../values.ts';

/** Flags of `proxy` that bound what clients may ask, and how long anything may take. */
export const limitOptions: readonly Option[] = [
  { flags: '--max-body-bytes <n>', summary: 'largest request body (default: 1 MiB)', parse: positiveInteger },
  { flags: '--max-items <n>', summary: 'most items (texts, rows) in a request (default: 256)', parse: positiveInteger },
  { flags: '--max-text-length <n>', summary: 'most characters in a text (default: 20000)', parse: positiveInteger },
  {
    flags: '--max-concurrent <n>',
    summary: 'inference requests at the same time, over all clients (default: 256)',
    parse: positiveInteger,
  },
  { flags: '--timeout-ms <ms>', summary: 'longest wait for an inference (default: 30000)', parse: positiveInteger },
  {
    flags: '--rate-limit <rate>',
    summary:
      'most requests from one address, like 100/s or 600/min (default: any number); keys have rates of their own',
    parse: rate,
  },
  {
    flags: '--drain-ms <ms>',
    summary: 'how long stopping waits for requests under way (default: 10000)',
    parse: unsignedInteger,
  },
  {
    flags: '--drain-delay-ms <ms>',
    summary: 'how long /healthz says no before the port closes, for balancers to notice (default: 0)',
    parse: unsignedInteger,
  },
];

const limitFlags = {
  maxBodyBytes: 'bodyBytes',
  maxItems: 'itemsPerRequest',
  maxTextLength: 'charactersPerText',
  maxConcurrent: 'concurrentRequests',
} as const;

export function limitsFrom(options: CommandInput['options']): Partial<ProxyOptions> {
  const given = Object.entries(limitFlags).flatMap(([flag, name]) =>
    options[flag] === undefined ? [] : [[name, options[flag]]],
  );
  return {
    ...(given.length > 0 && { limits: Object.fromEntries(given) }),
    ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs as number }),
    ...(options.rateLimit !== undefined && { rateLimit: options.rateLimit as NonNullable<ProxyOptions['rateLimit']> }),
    ...(options.drainMs !== undefined && { drainMs: options.drainMs as number }),
    ...(options.drainDelayMs !== undefined && { drainDelayMs: options.drainDelayMs as number }),
  };
}

const units: Record<string, number> = { s: 1000, min: 60_000, h: 3_600_000 };

/** As for keys: `100/s`, `600/min`, `1000/h`. */
function rate(text: string, flag: string): NonNullable<ProxyOptions['rateLimit']> {
  const [, max, unit] = /^(\d{1,9})\/(s|min|h)$/.exec(text) ?? [];
  if (max === undefined || Number(max) === 0) {
    throw new ConchError('USAGE', `${flag}: expected a rate like 100/s, 600/min or 1000/h, got '${text}'`);
  }
  return { max: Number(max), windowMs: units[unit!]! };
}
