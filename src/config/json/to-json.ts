import type { ModelConfig } from '../generated.ts';
import { scalarValue, unknownField, wrongValue } from '../schema/values.ts';
import { type Field, type Message, modelConfig } from '../schema/view.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

/**
 * 64-bit fields that stay strings, as protobuf's JSON writes them. The other ones Triton turns back into numbers, by a
 * list of paths in `model_config_utils.cc` on which these are missing.
 */
const stringified: ReadonlySet<string> = new Set([
  'ModelInstanceGroup.SecondaryDevice.device_id',
  'ModelOptimizationPolicy.Cuda.GraphSpec.Shape.dim',
  'ModelSequenceBatching.InitialState.dims',
]);

/**
 * A configuration as Triton's `/v2/models/<name>/config` answers it: snake_case names; scalars, lists and maps always
 * present, messages and members of a oneof only when set; enumerations by name. A 64-bit number beyond 2^53 becomes raw
 * JSON, so that `JSON.stringify` writes all its digits. (Triton answers an empty text, not `{}`, when all is default.)
 *
 * @throws CONFIG_INVALID naming the path of a value that the schema does not allow.
 */
export function configToJson(config: ModelConfig): JsonObject {
  return messageToJson(modelConfig, config as Record<string, unknown>, '');
}

function messageToJson(message: Message, values: Record<string, unknown>, path: string): JsonObject {
  const json: JsonObject = {};
  for (const name of Object.keys(values))
    if (values[name] !== undefined && message.field(name) === undefined)
      throw unknownField(message, name, `${path}${name}`);
  for (const field of message.fields) {
    const value = values[field.name];
    if (value !== undefined) json[field.name] = fieldToJson(message, field, value, `${path}${field.name}`);
    else if (field.entry !== undefined) json[field.name] = {};
    else if (field.many) json[field.name] = [];
    else if (!field.explicit) json[field.name] = zeroToJson(message, field);
  }
  return json;
}

function fieldToJson(message: Message, field: Field, value: unknown, path: string): JsonValue {
  if (!field.many) return oneToJson(message, field, value, path);
  if (field.entry !== undefined) {
    const entries = Object.entries(objectOf(field, value, path)).filter(([, one]) => one !== undefined);
    return Object.fromEntries(
      entries.map(([key, one]) => [key, oneToJson(message, field, one, `${path}[${JSON.stringify(key)}]`)]),
    );
  }
  if (!Array.isArray(value)) throw wrongValue(field, value, path, 'a list');
  return value.map((one, index) => oneToJson(message, field, one, `${path}[${index}]`));
}

function oneToJson(message: Message, field: Field, value: unknown, path: string): JsonValue {
  if (field.message !== undefined) return messageToJson(field.message, objectOf(field, value, path), `${path}.`);
  const scalar = scalarValue(field, value, path);
  if (typeof scalar === 'number' && !Number.isFinite(scalar)) return String(scalar);
  if (is64Bit(field) && stringified.has(`${message.name}.${field.name}`)) return String(scalar);
  return typeof scalar === 'bigint' ? rawNumber(scalar) : scalar;
}

function zeroToJson(message: Message, field: Field): JsonValue {
  if (field.enumeration !== undefined) return field.enumeration.valueOf(0);
  if (field.scalar === 'string') return '';
  if (field.scalar === 'bool') return false;
  return is64Bit(field) && stringified.has(`${message.name}.${field.name}`) ? '0' : 0;
}

function is64Bit(field: Field): boolean {
  return field.scalar === 'int64' || field.scalar === 'uint64';
}

function rawNumber(value: bigint): JsonValue {
  return (JSON as unknown as { rawJSON(text: string): JsonObject }).rawJSON(String(value));
}

function objectOf(field: Field, value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrongValue(field, value, path, 'an object');
}
