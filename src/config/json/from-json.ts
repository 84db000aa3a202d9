import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../generated.ts';
import { setEntry } from '../schema/entries.ts';
import { type ScalarValue, scalarValue, unknownField, wrongValue } from '../schema/values.ts';
import { type Field, type Message, modelConfig } from '../schema/view.ts';

/**
 * A configuration from JSON by protobuf's mapping, as Triton reads a load request's `config`: names in snake_case or
 * camelCase, 64-bit integers as numbers or strings, enumerations by name in any case or by number, null for absent.
 * A zero that the JSON gives is kept as given.
 *
 * @param json the parsed JSON, or its text, which keeps integers beyond 2^53 exact.
 * @param source names where it came from in errors.
 * @throws CONFIG_INVALID naming the path, for unknown fields, wrong types and clashing fields.
 */
export function configFromJson(json: unknown, source?: string): ModelConfig {
  const value = typeof json === 'string' ? parseJson(json, source) : json;
  if (!isObject(value)) throw invalid('a model configuration is a JSON object', source);
  try {
    return messageFromJson(modelConfig, value, '') as ModelConfig;
  } catch (error) {
    if (!(error instanceof ConchError) || source === undefined) throw error;
    const { code, message, fix, where } = error;
    throw new ConchError(code, message, { where: { file: source, ...where }, ...(fix === undefined ? {} : { fix }) });
  }
}

function parseJson(text: string, source: string | undefined): unknown {
  try {
    return JSON.parse(text, exactInteger);
  } catch (error) {
    throw invalid(`not JSON: ${(error as Error).message}`, source);
  }
}

/** Node gives a reviver the number's own digits, which a double would round. */
export function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !Number.isInteger(value)) return value;
  const digits = context?.source;
  return digits !== undefined && /^-?\d{1,30}$/.test(digits) ? BigInt(digits) : value;
}

function invalid(message: string, source: string | undefined): ConchError {
  return new ConchError('CONFIG_INVALID', message, source === undefined ? {} : { where: { file: source } });
}

function messageFromJson(message: Message, json: Record<string, unknown>, path: string): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    const field = message.field(name) ?? message.field(snakeCase(name));
    if (field === undefined) throw unknownField(message, name, `${path}${name}`);
    if (value === null || value === undefined) continue;
    const here = `${path}${field.name}`;
    const clash = [field.name, ...field.rivals].find((other) => values[other] !== undefined);
    if (clash !== undefined) {
      const text = clash === field.name ? `${here} is given twice` : `${here} and ${clash} exclude one another`;
      throw new ConchError('CONFIG_INVALID', text, { where: { path: here }, fix: 'keep one of them' });
    }
    values[field.name] = fieldFromJson(field, value, here);
  }
  return values;
}

/** A field's value from JSON; `isOne` asks for one value of a list or map. @throws CONFIG_INVALID naming the path */
export function fieldFromJson(field: Field, json: unknown, path: string, isOne = !field.many): unknown {
  if (isOne) return oneFromJson(field, json, path);
  if (field.entry === undefined) {
    if (!Array.isArray(json)) throw wrongValue(field, json, path, 'a list');
    return json.map((one, index) => oneFromJson(field, one, `${path}[${index}]`));
  }
  if (!isObject(json)) throw wrongValue(field, json, path, 'an object');
  const map: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(json)) {
    const here = `${path}[${JSON.stringify(key)}]`;
    const name = field.key === 'string' ? key : scalarFromJson(field.entry.field('key')!, key, here);
    setEntry(map, String(name), oneFromJson(field, one, here));
  }
  return map;
}

function oneFromJson(field: Field, json: unknown, path: string): unknown {
  if (field.message === undefined) return scalarFromJson(field, json, path);
  if (!isObject(json)) throw wrongValue(field, json, path, 'an object');
  return messageFromJson(field.message, json, `${path}.`);
}

function scalarFromJson(field: Field, json: unknown, path: string): ScalarValue {
  if (field.scalar === 'string' || field.scalar === 'bool') return scalarValue(field, json, path);
  if (field.enumeration !== undefined) {
    const known = typeof json === 'string' && field.enumeration.values.find((one) => one === json.toUpperCase());
    return scalarValue(field, known || json, path);
  }
  if (typeof json === 'string') return scalarValue(field, numberOf(field, json) ?? json, path);
  return scalarValue(field, typeof json === 'bigint' && isFloating(field) ? Number(json) : json, path);
}

/** The number that a JSON string spells: `"64"`, `"1e3"`; for floating point also `"NaN"` and `"Infinity"`. */
function numberOf(field: Field, text: string): number | bigint | undefined {
  if (/^-?\d{1,30}$/.test(text)) return isFloating(field) ? Number(text) : BigInt(text);
  if (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) return Number(text);
  return isFloating(field) && /^(NaN|-?Infinity)$/.test(text) ? Number(text) : undefined;
}

function isFloating(field: Field): boolean {
  return field.scalar === 'float' || field.scalar === 'double';
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
