import { ConchError } from '../../base/index.ts';
import { readLines } from './lines.ts';

/** One line of a reference file. */
export type Reference = TextReference | TensorReference;

interface ReferenceLine {
  /** 1-based. */
  readonly line: number;
  /** How much of the file has been read with this line, 0 to 1. */
  readonly fraction: number;
  /** The true class, by name or by index, for accuracy. */
  readonly label?: string | number;
}

/** `{"text": ..., "logits": [...], "label"?: ...}`: what the source model gives for a text. */
export interface TextReference extends ReferenceLine {
  readonly kind: 'text';
  readonly text: string;
  readonly logits: readonly number[];
}

/** `{"inputs": {name: value}, "outputs": {name: value}, "label"?: ...}`: tensors as nested lists. */
export interface TensorReference extends ReferenceLine {
  readonly kind: 'tensors';
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/**
 * Reads a reference file line by line.
 * @throws FILE_NOT_FOUND; FILE_INVALID naming the file and the line: not JSON, a field missing or of the wrong type.
 */
export async function* readReferences(file: string): AsyncGenerator<Reference> {
  for await (const { number, text, fraction } of readLines(file)) {
    yield parseReference(text, { file, line: number }, fraction);
  }
}

type Place = { readonly file: string; readonly line: number };

function parseReference(text: string, place: Place, fraction: number): Reference {
  const value = parseObject(text, place);
  const { label } = value;
  if (label !== undefined && label !== null && typeof label !== 'string' && !Number.isSafeInteger(label)) {
    throw wrong(place, 'label', 'a name or an index', label);
  }
  const common = {
    line: place.line,
    fraction,
    ...(label !== undefined && label !== null && { label: label as string | number }),
  };
  if ('text' in value) {
    if (typeof value.text !== 'string') throw wrong(place, 'text', 'a text', value.text);
    return { kind: 'text', ...common, text: value.text, logits: readLogits(value.logits, place) };
  }
  if (!('inputs' in value)) {
    throw new ConchError('FILE_INVALID', "line has neither 'text' nor 'inputs'", {
      where: place,
      fix: 'write {"text": ..., "logits": [...]} or {"inputs": {...}, "outputs": {...}}',
    });
  }
  const inputs = readNamed(value.inputs, 'inputs', place);
  return { kind: 'tensors', ...common, inputs, outputs: readNamed(value.outputs, 'outputs', place) };
}

export function parseObject(text: string, place: Place): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = (cause as Error).message.replace(/\s+/g, ' ').slice(0, 160);
    const fix = /\b(NaN|Infinity)\b/.test(text)
      ? 'NaN and Infinity are not JSON, and no output can be equal to them'
      : undefined;
    throw new ConchError('FILE_INVALID', `line is not JSON: ${reason}`, { where: place, cause, ...(fix && { fix }) });
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(place, undefined, 'an object', value);
}

function readLogits(value: unknown, place: Place): number[] {
  if (!Array.isArray(value) || value.length === 0) throw wrong(place, 'logits', 'a list of numbers', value);
  const odd = value.findIndex((logit) => typeof logit !== 'number' || !Number.isFinite(logit));
  if (odd >= 0) throw wrong(place, `logits[${odd}]`, 'a finite number', value[odd]);
  return value;
}

export function readNamed(value: unknown, field: string, place: Place): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || Object.keys(value).length === 0) {
    throw wrong(place, field, 'an object of tensors by name', value);
  }
  return value as Record<string, unknown>;
}

/** The error for a field of a line: what was expected, what is there. */
function wrong(place: Place, path: string | undefined, expected: string, value: unknown): ConchError {
  const where = path === undefined ? place : { ...place, path };
  return new ConchError('FILE_INVALID', `${path ?? 'line'}: expected ${expected}, got ${describe(value)}`, { where });
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (value !== null && typeof value === 'object') {
    return Object.keys(value).length === 0 ? 'an empty object' : 'an object';
  }
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return String(value);
}
