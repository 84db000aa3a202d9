import { ConchError } from '../../base/index.ts';

type Data = string | number | boolean | readonly Data[] | { readonly [key: string]: Data | undefined };

/** Columns that Biome allows in this project (biome.json). */
const lineWidth = 120;

/**
 * The source of a table file with the given constants' values replaced; all else, its comments above all, stays.
 * What it writes is what `biome format` would: printing the same data again changes nothing.
 *
 * @throws FILE_INVALID when a constant is not found in the form `export const name: type = { ... };`
 */
export function rewriteTable(source: string, file: string, constants: Readonly<Record<string, object>>): string {
  return Object.entries(constants).reduce((text, [name, value]) => {
    const start = text.search(new RegExp(`^export const ${name}: `, 'm'));
    const open = start < 0 ? -1 : text.indexOf(' = {', start);
    const empty = text.startsWith(' = {};', open);
    const close = empty ? open + ' = {};'.length : text.indexOf('\n};', open) + '\n};'.length;
    if (open < 0 || close < open) {
      throw new ConchError('FILE_INVALID', `${file} has no table "export const ${name}: ... = { ... };"`, {
        where: { file },
        fix: 'restore the file, e.g. with git checkout',
      });
    }
    return `${text.slice(0, open)} = ${printTable(value as Data)};${text.slice(close)}`;
  }, source);
}

function printTable(value: Data): string {
  const entries = Object.entries(value);
  return entries.length === 0 ? '{}' : printObject(value as { readonly [key: string]: Data }, 0);
}

/** `before`: columns of the line that the value's first line follows, its own indentation included. */
function print(value: Data, indent: number, before: number): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  const flat = printFlat(value);
  // One more column for the comma that follows.
  if (flat !== undefined && before + flat.length + 1 <= lineWidth) return flat;
  return Array.isArray(value) ? printArray(value, indent) : printObject(value as never, indent);
}

function printArray(values: readonly Data[], indent: number): string {
  const inner = ' '.repeat(indent + 2);
  const lines = values.map((value) => `${inner}${print(value, indent + 2, indent + 2)},\n`);
  return `[\n${lines.join('')}${' '.repeat(indent)}]`;
}

function printObject(value: { readonly [key: string]: Data | undefined }, indent: number): string {
  const inner = ' '.repeat(indent + 2);
  const lines = present(value).map(([key, entry]) => {
    const start = `${inner}${printKey(key)}: `;
    return `${start}${print(entry, indent + 2, start.length)},\n`;
  });
  return `{\n${lines.join('')}${' '.repeat(indent)}}`;
}

/** The value on one line; undefined where the formatter always breaks: a list of several objects. */
function printFlat(value: Data): string | undefined {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) {
    if (value.length > 1 && value.every((entry) => typeof entry === 'object')) return undefined;
    const entries = value.map(printFlat);
    return entries.includes(undefined) ? undefined : `[${entries.join(', ')}]`;
  }
  const entries = present(value as never).map(([key, entry]) => [printKey(key), printFlat(entry)]);
  if (entries.some(([, entry]) => entry === undefined)) return undefined;
  return entries.length === 0 ? '{}' : `{ ${entries.map((entry) => entry.join(': ')).join(', ')} }`;
}

function present(value: { readonly [key: string]: Data | undefined }): [string, Data][] {
  return Object.entries(value).filter((entry): entry is [string, Data] => entry[1] !== undefined);
}

function printKey(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? key : quoted(key);
}

/** Single quotes unless double ones need fewer escapes. */
function quoted(text: string): string {
  const count = (mark: string) => text.split(mark).length - 1;
  const mark = count("'") > count('"') ? '"' : "'";
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return `${mark}${escaped.replaceAll(mark, `\\${mark}`)}${mark}`;
}
