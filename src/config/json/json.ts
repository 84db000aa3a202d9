import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../generated.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

export function configToJson(_config: ModelConfig): JsonObject {
  throw new ConchError('INTERNAL', 'configToJson is being built');
}

export function configFromJson(_json: unknown, _source?: string): ModelConfig {
  throw new ConchError('INTERNAL', 'configFromJson is being built');
}
