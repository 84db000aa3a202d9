import { ConchError } from '../../base/index.ts';
import { JsonReader, type JsonValue } from '../../protocol/index.ts';
import type { Exchange } from './exchange.ts';

export type JsonMembers = { readonly [key: string]: JsonValue };

/**
 * The body as a JSON object. An empty body is an error like any other text that is not JSON, unless `emptyIsObject`.
 * Throws REQUEST_MALFORMED, REQUEST_TOO_LARGE.
 */
export async function readObject(exchange: Exchange, emptyIsObject = false): Promise<JsonMembers> {
  const body = await exchange.readBody(exchange.context.limits.maxInputBytes);
  if (body.length === 0 && emptyIsObject) return {};
  const reader: JsonReader = new JsonReader(body);
  const value = reader.readValue();
  reader.expectEnd();
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    reader.fail('the body must be an object', 0);
  }
  return value;
}

/** A member that must be text where it is there at all; null counts as absent. Throws REQUEST_MALFORMED. */
export function textOf(members: JsonMembers, key: string): string | undefined {
  const value = members[key] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw malformed(key, 'a string', value);
}

export function booleanOf(members: JsonMembers, key: string): boolean | undefined {
  const value = members[key] ?? undefined;
  if (value === undefined || typeof value === 'boolean') return value;
  throw malformed(key, 'true or false', value);
}

/** A whole number from 0. */
export function unsignedOf(members: JsonMembers, key: string): number | undefined {
  const value = members[key] ?? undefined;
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)) return value;
  throw malformed(key, 'a whole number from 0', value);
}

/** An object, empty where it is absent. */
export function objectOf(members: JsonMembers, key: string): JsonMembers {
  const value = members[key] ?? {};
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw malformed(key, 'an object', value);
}

export function malformed(key: string, expected: string, value: JsonValue): ConchError {
  const got = typeof value === 'bigint' ? String(value) : (JSON.stringify(value, plain) ?? String(value));
  return new ConchError('REQUEST_MALFORMED', `'${key}' must be ${expected}, got ${got.slice(0, 60)}`);
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
