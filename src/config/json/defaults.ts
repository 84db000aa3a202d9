import type { ModelConfig } from '../generated.ts';
import { type Field, type Message, modelConfig } from '../schema/view.ts';

/**
 * The configuration without fields whose value is the one they have when absent: zeros, empty strings, lists and maps.
 * A server's JSON gives all of them; without them it prints as a person would write it. Empty messages stay, because
 * they mean something (`dynamic_batching { }`), as does a zero in a oneof.
 */
export function withoutDefaults(config: ModelConfig): ModelConfig {
  return trimmed(modelConfig, config as Record<string, unknown>) as ModelConfig;
}

function trimmed(message: Message, values: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const field = message.field(name);
    if (field === undefined) kept[name] = value;
    else if (value !== undefined && !isDefault(field, value)) kept[name] = trimmedField(field, value);
  }
  return kept;
}

function trimmedField(field: Field, value: unknown): unknown {
  const { message } = field;
  if (message === undefined) return value;
  const one = (item: unknown) => trimmed(message, item as Record<string, unknown>);
  if (Array.isArray(value)) return value.map(one);
  if (field.entry === undefined) return one(value);
  return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, one(item)]));
}

function isDefault(field: Field, value: unknown): boolean {
  if (field.many) return Object.keys(value as object).length === 0;
  if (field.explicit) return false;
  if (field.enumeration !== undefined) return value === field.enumeration.valueOf(0) || value === 0;
  return value === '' || value === false || value === 0 || value === 0n;
}
