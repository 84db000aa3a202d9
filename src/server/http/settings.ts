import type { TraceChanges } from '../settings/index.ts';
import type { Exchange } from './exchange.ts';
import { booleanOf, type JsonMembers, malformed, readObject, textOf, unsignedOf } from './json-body.ts';
import type { PathParameters } from './router.ts';

/** GET /v2/trace/setting */
export function trace(exchange: Exchange): void {
  exchange.replyJson(200, exchange.context.traceSettings.describe());
}

/** GET /v2/models/M/trace/setting */
export function modelTrace(exchange: Exchange, { model }: PathParameters): void {
  const { engine, traceSettings } = exchange.context;
  engine.metadata(model);
  exchange.replyJson(200, traceSettings.describe(model));
}

/** POST /v2/trace/setting */
export async function changeTrace(exchange: Exchange): Promise<void> {
  const { traceSettings } = exchange.context;
  traceSettings.refuseUnlessChangeable();
  traceSettings.update(readTraceChanges(await readObject(exchange)));
  exchange.replyJson(200, traceSettings.describe());
}

/** POST /v2/models/M/trace/setting */
export async function changeModelTrace(exchange: Exchange, { model }: PathParameters): Promise<void> {
  const { engine, traceSettings } = exchange.context;
  traceSettings.refuseUnlessChangeable();
  const members = await readObject(exchange);
  engine.metadata(model);
  traceSettings.update(readTraceChanges(members), model);
  exchange.replyJson(200, traceSettings.describe(model));
}

/** `trace_level` is an array, the others are text, numbers included; null takes a setting back, no levels change nothing. */
function readTraceChanges(members: JsonMembers): TraceChanges {
  const changes: Record<string, readonly string[] | null> = {};
  for (const key of ['trace_level', 'trace_rate', 'trace_count', 'log_frequency', 'trace_file']) {
    const value = members[key];
    if (value === undefined) continue;
    if (value === null) changes[key] = null;
    else if (key !== 'trace_level') changes[key] = [textOf(members, key)!];
    else if (Array.isArray(value) && value.every((one) => typeof one === 'string')) {
      if (value.length > 0) changes[key] = value;
    } else throw malformed(key, 'an array of strings', value);
  }
  return changes;
}

/** GET /v2/logging */
export function logging(exchange: Exchange): void {
  exchange.replyJson(200, exchange.context.logSettings.get());
}

/** POST /v2/logging: changes what is given and answers everything; null and unknown members are ignored. */
export async function changeLogging(exchange: Exchange): Promise<void> {
  const { logSettings } = exchange.context;
  logSettings.refuseUnlessChangeable();
  const members = await readObject(exchange);
  const texts = { log_file: textOf(members, 'log_file'), log_format: textOf(members, 'log_format') };
  const flags = {
    log_info: booleanOf(members, 'log_info'),
    log_warning: booleanOf(members, 'log_warning'),
    log_error: booleanOf(members, 'log_error'),
  };
  const numbers = { log_verbose_level: unsignedOf(members, 'log_verbose_level') };
  const given = Object.entries({ ...texts, ...flags, ...numbers }).filter(([, value]) => value !== undefined);
  exchange.replyJson(200, logSettings.update(Object.fromEntries(given)));
}
