import { ConchError } from '../../base/index.ts';
import type { grpc } from '../../protocol/index.ts';
import type { ServerContext } from '../context.ts';
import type { LogSettingValues, TraceChanges } from '../settings/index.ts';

/** Changes trace settings where any are given, and answers all; an entry without a value clears its setting. */
export function traceSetting(
  { settings = {}, model_name: model }: grpc.TraceSettingRequest,
  { engine, traceSettings }: ServerContext,
): grpc.TraceSettingResponse {
  const name = model === '' ? undefined : model;
  const given = Object.entries(settings);
  if (given.length > 0) traceSettings.refuseUnlessChangeable();
  if (name !== undefined) engine.metadata(name);
  if (given.length > 0) {
    const changes: TraceChanges = Object.fromEntries(
      given.map(([key, { value = [] }]) => [key, value.length > 0 ? value : null]),
    );
    traceSettings.update(changes, name);
  }
  const described = Object.entries(traceSettings.describe(name));
  return {
    settings: Object.fromEntries(
      described.map(([key, value]) => [key, { value: typeof value === 'string' ? [value] : [...value] }]),
    ),
  };
}

type LogValue = grpc.LogSettingsRequest_SettingValue;

const kinds: { readonly [name in keyof LogSettingValues]: keyof LogValue } = {
  log_file: 'string_param',
  log_info: 'bool_param',
  log_warning: 'bool_param',
  log_error: 'bool_param',
  log_verbose_level: 'uint32_param',
  log_format: 'string_param',
};

/** Changes log settings where any are given, and answers all; unknown names are ignored. */
export function logSettings(
  { settings = {} }: grpc.LogSettingsRequest,
  { logSettings: current }: ServerContext,
): grpc.LogSettingsResponse {
  const given = Object.entries(settings);
  let values = current.get();
  if (given.length > 0) {
    current.refuseUnlessChangeable();
    const changes: Record<string, unknown> = {};
    for (const [key, value] of given) {
      if (!Object.hasOwn(kinds, key)) continue;
      const kind = kinds[key as keyof LogSettingValues];
      if (value[kind] === undefined) {
        const [got = 'nothing'] = Object.keys(value);
        throw new ConchError('REQUEST_INVALID', `log setting '${key}' must be ${kind}, got ${got}`);
      }
      changes[key] = value[kind];
    }
    values = current.update(changes as Partial<LogSettingValues>);
  }
  return {
    settings: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, { [kinds[key as keyof LogSettingValues]]: value }]),
    ),
  };
}
