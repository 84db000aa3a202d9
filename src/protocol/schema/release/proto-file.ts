import { ConchError } from '../../../base/index.ts';
import type { FieldShape, MethodShape } from '../spec.ts';

/** What one file of a release declares; all names are full names, without a leading dot. */
export interface ProtoFile {
  /** Path or address that it was read from. */
  readonly source: string;
  readonly package: string;
  readonly messages: ReadonlyMap<string, readonly FieldShape[]>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly services: ReadonlyMap<string, readonly MethodShape[]>;
}

/** Triton's files are 30 to 100 KB, their Python modules about the same. */
export const maxFileBytes = 1024 * 1024;

/** Triton's largest file has about 420. protobufjs takes time that grows with the square: a second for this many. */
export const maxDeclarations = 4_000;

/**
 * A name that a release declares. Names go into source files and onto terminals, and a descriptor can hold any text
 * for one, so only identifiers pass; `__proto__` is one that JavaScript objects cannot hold as a key in source.
 *
 * @throws FILE_INVALID
 */
export function identifier(name: string, source: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && name.length <= 200 && name !== '__proto__') return name;
  throw invalid(source, `declares the name ${JSON.stringify(name.slice(0, 60))}, which is no identifier`);
}

/** A type as a field or method names it: identifiers joined by dots, maybe one in front. @throws FILE_INVALID */
export function typeReference(type: string, source: string): string {
  if (type.length > 1000) throw invalid(source, `names a type of ${type.length} letters`);
  for (const part of type.replace(/^\./, '').split('.')) identifier(part, source);
  return type;
}

/** @throws FILE_INVALID unless `number` may number a field: 1 to 2^29 - 1. */
export function fieldNumber(number: number, field: string, source: string): number {
  if (Number.isInteger(number) && number >= 1 && number <= 536_870_911) return number;
  throw invalid(source, `numbers the field ${field} ${number}, expected 1 to 536870911`);
}

/** @throws FILE_INVALID when a file declares more than any schema would. */
export function limitDeclarations(count: number, source: string): void {
  if (count > maxDeclarations) throw invalid(source, `has more than ${maxDeclarations} declarations`);
}

/** The error for a file that is there but cannot be read as part of a release. */
export function invalid(
  source: string,
  problem: string,
  position: { line?: number; column?: number } = {},
): ConchError {
  const at = position.line === undefined ? '' : `:${position.line}${position.column ? `:${position.column}` : ''}`;
  return new ConchError('FILE_INVALID', `${source}${at}: ${problem}`, {
    where: { file: source },
    fix: 'name the files of a Triton release: its .proto folder, or an unpacked tritonclient',
  });
}
