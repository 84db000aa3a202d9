import { ConchError } from '../../base/index.ts';
import { integerRanges, shortestFloat, toInt64 } from './numbers.ts';
import type { Field, Message } from './view.ts';

export type ScalarValue = string | number | bigint | boolean;

/**
 * A scalar of a `ModelConfig` in normal form: 64-bit integers as a number while safe, enumerations by name, floats as
 * their shortest decimal.
 *
 * @throws CONFIG_INVALID naming the path, when the value is of another type or does not fit.
 */
export function scalarValue(field: Field, value: unknown, path: string): ScalarValue {
  if (field.enumeration !== undefined) return enumerationValue(field, value, path);
  switch (field.scalar!) {
    case 'string':
      if (typeof value !== 'string') throw wrongValue(field, value, path, 'a string');
      if (!value.isWellFormed()) throw wrongValue(field, value, path, 'a string without lone surrogates');
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw wrongValue(field, value, path, 'true or false');
      return value;
    case 'float':
    case 'double':
      if (typeof value !== 'number') throw wrongValue(field, value, path, 'a number');
      return field.scalar === 'float' ? shortestFloat(value) : value;
    default:
      return integerValue(field.scalar as keyof typeof integerRanges, field, value, path);
  }
}

function integerValue(type: keyof typeof integerRanges, field: Field, value: unknown, path: string): number | bigint {
  const [least, greatest] = integerRanges[type];
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    const expected = Number.isInteger(value) ? 'a bigint for a number beyond 2^53' : 'a whole number';
    throw wrongValue(field, value, path, expected);
  }
  if (typeof value !== 'number' && typeof value !== 'bigint') throw wrongValue(field, value, path, 'a whole number');
  if (value < least || value > greatest) throw wrongValue(field, value, path, `${least} to ${greatest}`);
  return typeof value === 'bigint' ? toInt64(value) : value + 0; // -0 becomes 0.
}

function enumerationValue(field: Field, value: unknown, path: string): string | number {
  const enumeration = field.enumeration!;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31)
    return enumeration.valueOf(value);
  if (typeof value === 'string' && enumeration.number(value) !== undefined) return value;
  const near = typeof value === 'string' ? enumeration.nearest(value) : undefined;
  const fix = near === undefined ? `one of ${enumeration.values.join(', ')}` : near;
  throw wrongValue(field, value, path, `a value of ${enumeration.name}`, `write ${fix}`);
}

/** The error for a value that a field cannot hold. */
export function wrongValue(field: Field, value: unknown, path: string, expected: string, fix?: string): ConchError {
  const type = field.scalar ?? field.type;
  return new ConchError('CONFIG_INVALID', `${path} expects ${expected} (${type}), found ${shownValue(value)}`, {
    where: { path },
    ...(fix === undefined ? {} : { fix }),
  });
}

/** The error for a field that a message does not have. */
export function unknownField(message: Message, name: string, path: string, source?: string): ConchError {
  const near = message.nearest(name);
  const where = source === undefined ? { path } : { file: source, path };
  return new ConchError('CONFIG_INVALID', `${path}: ${message.name} has no field ${name}`, {
    where,
    fix: near === undefined ? `name one of ${fieldList(message)}` : `write ${near}`,
  });
}

/** The fields of a message; the longest would fill the screen. */
export function fieldList(message: Message): string {
  const names = message.fields.map((field) => field.name);
  if (names.length === 0) return 'none: this message has no fields';
  return names.length > 12 ? `${names.slice(0, 11).join(', ')} and ${names.length - 11} more` : names.join(', ');
}

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'bigint') return `${value}`;
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}
