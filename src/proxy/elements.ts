import { ConchError } from '../base/index.ts';
import { type Datatype, datatypes, numberToBfloat16, numberToHalf, type TensorData } from '../tensor/index.ts';

/** A JSON value that became an element of a tensor. */
export type Element = number | bigint | string | boolean;

const largest = { FP16: 65504, BF16: 3.3895313892515355e38, FP32: 3.4028234663852886e38, FP64: Number.MAX_VALUE };
const integerBits = { INT8: 8, INT16: 16, INT32: 32, INT64: 64, UINT8: 8, UINT16: 16, UINT32: 32, UINT64: 64 };

/** The closed range of a number type, or undefined for BOOL and BYTES. */
export function rangeOf(datatype: Datatype): { min: number | bigint; max: number | bigint } | undefined {
  if (datatype in largest) {
    const max = largest[datatype as keyof typeof largest];
    return { min: -max, max };
  }
  if (!(datatype in integerBits)) return undefined;
  const bits = integerBits[datatype as keyof typeof integerBits];
  const signed = datatype.startsWith('INT');
  if (bits === 64) return signed ? { min: -(2n ** 63n), max: 2n ** 63n - 1n } : { min: 0n, max: 2n ** 64n - 1n };
  return signed ? { min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 } : { min: 0, max: 2 ** bits - 1 };
}

export function isInteger(datatype: Datatype): boolean {
  return datatype in integerBits;
}

/** "a number", "an integer", ... as messages and the documentation call an element. */
export function elementNoun(datatype: Datatype): string {
  if (datatype === 'BOOL') return 'true or false';
  if (datatype === 'BYTES') return 'a text';
  return isInteger(datatype) ? 'an integer' : 'a number';
}

/** "numbers", "integers", "texts", "booleans". */
export function elementNouns(datatype: Datatype): string {
  return datatype === 'BOOL' ? 'booleans' : `${elementNoun(datatype).replace(/^an? /, '')}s`;
}

const decimal = /^-?\d{1,20}$/;

/**
 * Checks one JSON value as an element of `datatype`. INT64 and UINT64 also take decimal text, for values beyond 2^53.
 * @throws REQUEST_INVALID naming `path`, what was expected and what came; REQUEST_TOO_LARGE for long texts.
 */
export function readElement(datatype: Datatype, value: unknown, path: string, maxCharacters: number): Element {
  if (datatype === 'BYTES') return readText(value, path, maxCharacters);
  if (datatype === 'BOOL') {
    if (typeof value === 'boolean') return value;
    throw invalid(path, 'true or false', value);
  }
  const { min, max } = rangeOf(datatype)!;
  if (typeof min === 'bigint') {
    const integer = typeof value === 'string' && decimal.test(value) ? BigInt(value) : readSafeInteger(value, path);
    if (integer >= min && integer <= max) return integer;
    throw invalid(path, `an integer from ${min} to ${max} (${datatype})`, value);
  }
  if (typeof value !== 'number') throw invalid(path, elementNoun(datatype), value);
  if (isInteger(datatype) && !Number.isInteger(value)) throw invalid(path, 'an integer', value);
  if (value < min || value > max) throw invalid(path, `a number from ${min} to ${max} (${datatype})`, value);
  return value;
}

function readSafeInteger(value: unknown, path: string): bigint {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw invalid(path, 'an integer, as a number or as decimal text', value);
  }
  if (!Number.isSafeInteger(value)) {
    throw new ConchError('REQUEST_INVALID', `${path}: ${value} is beyond 2^53, where JSON numbers lose digits`, {
      where: { path },
      fix: 'write it as text, e.g. "9007199254740993"',
    });
  }
  return BigInt(value);
}

function readText(value: unknown, path: string, maxCharacters: number): string {
  if (typeof value !== 'string') throw invalid(path, 'a text', value);
  if (value.length > maxCharacters) {
    const characters = value.length > 2 * maxCharacters ? `more than ${maxCharacters}` : [...value].length;
    if (typeof characters === 'string' || characters > maxCharacters) {
      throw new ConchError(
        'REQUEST_TOO_LARGE',
        `${path}: at most ${maxCharacters} characters a text, got ${characters}`,
        { where: { path } },
      );
    }
  }
  if (!value.isWellFormed()) {
    throw new ConchError('REQUEST_INVALID', `${path}: expected Unicode text, got half of a surrogate pair`, {
      where: { path },
    });
  }
  return value;
}

/** Elements as the data of a tensor; texts stay as they are until they are framed. */
export function packElements(datatype: Datatype, elements: readonly Element[]): TensorData {
  if (datatype === 'BOOL') return Uint8Array.from(elements as boolean[], Number);
  if (datatype === 'FP16') return Uint16Array.from(elements as number[], numberToHalf);
  if (datatype === 'BF16') return Uint16Array.from(elements as number[], numberToBfloat16);
  return new datatypes[datatype].array(elements as never);
}

/** The error for a value of the wrong kind: where, what was expected, what came. */
export function invalid(path: string, expected: string, value: unknown): ConchError {
  return new ConchError('REQUEST_INVALID', `${path}: expected ${expected}, got ${describe(value)}`, {
    where: { path },
  });
}

/** A JSON value in a few words, never looking deeper than two levels: it may be as large and deep as a body can be. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    if (value.length === 0) return 'an empty list';
    return `a list of ${value.length}${Array.isArray(value[0]) ? ' lists' : ''}`;
  }
  if (typeof value === 'string') {
    const start = [...value.slice(0, 40)].slice(0, 20).join('').toWellFormed();
    return `the text ${JSON.stringify(start.length < value.length ? `${start}…` : start)}`;
  }
  return typeof value === 'object' ? 'an object' : String(value);
}
