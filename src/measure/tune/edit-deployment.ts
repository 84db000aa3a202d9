import { type ObjectLiteral, readObject } from './object-literal.ts';

/** A setting of a model in a deployment file; undefined takes it out. */
export interface DeploymentEdit {
  /** Below the model: `['model', 'instance_group']`. */
  readonly path: readonly string[];
  readonly value: unknown;
}

/**
 * Changes a model's settings in the text of a conch.config.ts and leaves all else as it is, comments too. Undefined where
 * the file is not written so that it can be found out what to change: the model must stand as an object literal in
 * `models` of the object that is exported.
 */
export function editDeployment(text: string, model: string, edits: readonly DeploymentEdit[]): string | undefined {
  let edited = text;
  for (const { path, value } of edits) {
    const found = findModel(edited, model);
    const next = found && setIn(edited, found, path, value);
    if (next === undefined) return undefined;
    edited = next;
  }
  return edited;
}

function findModel(text: string, model: string): ObjectLiteral | undefined {
  const begin = /\bdefineDeployment\s*\(\s*\{|\bexport\s+default\s*\{/.exec(text);
  if (!begin) return undefined;
  const deployment = readObject(text, begin.index + begin[0].length - 1);
  const models = deployment && inside(text, deployment, 'models');
  return models && inside(text, models, model);
}

/** The object that a property holds. */
function inside(text: string, object: ObjectLiteral, key: string): ObjectLiteral | undefined {
  const property = object.properties.find((one) => one.key === key);
  return property && text[property.valueStart] === '{' ? readObject(text, property.valueStart) : undefined;
}

function setIn(text: string, object: ObjectLiteral, path: readonly string[], value: unknown): string | undefined {
  const [key, ...rest] = path;
  const property = object.properties.find((one) => one.key === key);
  if (!property) {
    if (value === undefined) return text;
    const whole = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
    return insert(text, object, `${keyText(key!)}: ${literal(whole)}`);
  }
  if (rest.length > 0) {
    const inner = inside(text, object, key!);
    return inner && setIn(text, inner, rest, value);
  }
  if (value === undefined) return remove(text, property.start, property.valueEnd);
  return text.slice(0, property.valueStart) + literal(value) + text.slice(property.valueEnd);
}

/** Behind the last property, on a line of its own where they stand so. */
function insert(text: string, { open, close, properties }: ObjectLiteral, property: string): string {
  const last = properties.at(-1);
  const severalLines = text.slice(open, close).includes('\n');
  if (!last) {
    const [before, behind] = severalLines ? ['', ''] : [' ', ' '];
    return `${text.slice(0, open + 1)}${before}${property}${severalLines ? ',' : ''}${behind}${text.slice(open + 1)}`;
  }
  const indent = /[ \t]*$/.exec(text.slice(0, last.start))![0];
  const onOwnLine = severalLines && /\n[ \t]*$/.test(text.slice(0, last.start));
  const comma = /^\s*,/.exec(text.slice(last.valueEnd));
  const at = last.valueEnd + (comma ? comma[0].length : 0);
  if (!onOwnLine) return `${text.slice(0, last.valueEnd)}, ${property}${comma ? ',' : ''}${text.slice(at)}`;
  // A comment behind the last property stays with it.
  const lineEnd = text.indexOf('\n', at);
  const rest = text.slice(at, lineEnd);
  return `${text.slice(0, last.valueEnd)},${rest}\n${indent}${property},${text.slice(lineEnd)}`;
}

/** With its comma, and with its line where it stands alone there. */
function remove(text: string, start: number, end: number): string {
  const comma = /^\s*,/.exec(text.slice(end));
  const to = end + (comma ? comma[0].length : 0);
  const line = /\n[ \t]*$/.exec(text.slice(0, start));
  if (line && /^[ \t]*(\n|$)/.test(text.slice(to))) return text.slice(0, line.index) + text.slice(to);
  return text.slice(0, start) + text.slice(to).replace(/^[ \t]+/, '');
}

function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
}

/** A value as it would be written by hand. */
function literal(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return fields.length === 0
      ? '{}'
      : `{ ${fields.map(([key, field]) => `${keyText(key)}: ${literal(field)}`).join(', ')} }`;
  }
  return String(value);
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
