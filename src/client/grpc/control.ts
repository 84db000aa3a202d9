import { configToJson } from '../../config/index.ts';
import type { grpc } from '../../protocol/index.ts';
import type { LoadOptions, LogSettings, SharedMemoryStatus, TraceSettings } from '../triton-client.ts';

export function loadRequest(name: string, { config, files = {} }: LoadOptions): grpc.RepositoryModelLoadRequest {
  const parameters: { [key: string]: grpc.ModelRepositoryParameter } = {};
  if (config) parameters.config = { string_param: JSON.stringify(configToJson(config)) };
  for (const [path, content] of Object.entries(files)) parameters[`file:${path}`] = { bytes_param: content };
  return { model_name: name, parameters };
}

export function regionsFrom({ regions = {} }: grpc.SystemSharedMemoryStatusResponse): SharedMemoryStatus[] {
  return Object.values(regions).map(({ name = '', key = '', offset = 0, byte_size = 0 }) => ({
    name,
    key,
    offset: Number(offset),
    byte_size: Number(byte_size),
  }));
}

/** gRPC knows lists only; an empty one takes a setting back. */
export function traceRequest(
  changes: Readonly<Record<string, string | readonly string[] | null>>,
  model = '',
): grpc.TraceSettingRequest {
  const settings = Object.entries(changes).map(([name, value]) => [
    name,
    { value: value === null ? [] : typeof value === 'string' ? [value] : [...value] },
  ]);
  return { settings: Object.fromEntries(settings), model_name: model };
}

/** As HTTP tells them: only `trace_level` is a list. */
export function traceFrom({ settings = {} }: grpc.TraceSettingResponse): TraceSettings {
  return Object.fromEntries(
    Object.entries(settings).map(([name, { value = [] }]) => [name, name === 'trace_level' ? value : (value[0] ?? '')]),
  );
}

export function logRequest(changes: Partial<LogSettings>): grpc.LogSettingsRequest {
  const settings = Object.entries(changes).map(([name, value]) => {
    if (typeof value === 'boolean') return [name, { bool_param: value }];
    return [name, typeof value === 'number' ? { uint32_param: value } : { string_param: value }];
  });
  return { settings: Object.fromEntries(settings) };
}

export function logFrom({ settings = {} }: grpc.LogSettingsResponse): LogSettings {
  const values = Object.entries(settings).map(([name, { bool_param, uint32_param, string_param }]) => [
    name,
    bool_param ?? uint32_param ?? string_param,
  ]);
  return Object.fromEntries(values) as LogSettings;
}
