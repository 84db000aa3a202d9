import { ConchError } from '../../base/index.ts';
import { invalid, readElement } from '../elements.ts';
import type { ProxyLimits } from '../limits.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** A body as an object that has no other fields than `known`. */
export function fieldsOf(body: unknown, known: readonly string[]): Fields {
  const names = known.map((name) => `'${name}'`).join(', ');
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw invalid('body', `an object with ${names}`, body);
  }
  const strange = Object.keys(body).find((name) => !known.includes(name));
  if (strange === undefined) return body as Fields;
  const shown = strange.slice(0, 60).toWellFormed();
  throw new ConchError('REQUEST_INVALID', `body: unknown field '${shown}'; this route takes ${names}`, {
    where: { path: shown },
  });
}

export interface Texts {
  readonly texts: readonly string[];
  /** The field holds a list, and so wants a list back. */
  readonly several: boolean;
}

/** A field with one text, or a list of them. */
export function textsOf(fields: Fields, name: string, limits: ProxyLimits): Texts {
  const value = fields[name];
  if (!Array.isArray(value)) return { texts: [textOf(fields, name, limits)], several: false };
  return { texts: textListOf(value, name, limits), several: true };
}

export function textOf(fields: Fields, name: string, limits: ProxyLimits): string {
  return readElement('BYTES', fields[name], name, limits.charactersPerText) as string;
}

export function textListOf(value: unknown, name: string, limits: ProxyLimits): string[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid(name, 'a list of texts, at least one', value);
  if (value.length > limits.itemsPerRequest) {
    const got = `at most ${limits.itemsPerRequest} items a request, got ${value.length}`;
    throw new ConchError('REQUEST_TOO_LARGE', `${name}: ${got}`, { where: { path: name } });
  }
  return value.map((text, at) => readElement('BYTES', text, `${name}[${at}]`, limits.charactersPerText) as string);
}

export function booleanOf(fields: Fields, name: string, otherwise: boolean): boolean {
  const { [name]: value = otherwise } = fields;
  if (typeof value !== 'boolean') throw invalid(name, 'true or false', value);
  return value;
}

/** A whole number from 1 to `most`; undefined where the field is left out. */
export function countOf(fields: Fields, name: string, most: number): number | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most) {
    throw invalid(name, `a whole number from 1 to ${most}`, value);
  }
  return value as number;
}

export function choiceOf<Choice extends string>(fields: Fields, name: string, choices: readonly Choice[]): Choice {
  const { [name]: value = choices[0] } = fields;
  if (!choices.includes(value as Choice)) {
    throw invalid(name, choices.map((choice) => `'${choice}'`).join(' or '), value);
  }
  return value as Choice;
}
