import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../generated.ts';
import { scalarValue, unknownField, wrongValue } from '../schema/values.ts';
import { type Field, type Message, modelConfig } from '../schema/view.ts';
import { type LaidField, type LaidValue, layOut, noComments, scalarText } from './layout.ts';

/**
 * A configuration as config.pbtxt: fields in the order of the schema table, two spaces a level, messages of a list as
 * `input [ { ... } ]`. Reading the text gives an equal configuration; an empty one gives the empty text.
 *
 * @throws CONFIG_INVALID naming the path of a value that the schema does not allow.
 */
export function printConfig(config: ModelConfig): string {
  return layOut(laidMessage(modelConfig, config, ''));
}

/** The fields of one message, ready to be laid out. `path` is the message's own, '' for the whole config. */
export function laidMessage(message: Message, value: unknown, path: string): LaidField[] {
  const values = value as Record<string, unknown>;
  for (const name of Object.keys(values)) {
    if (message.field(name) === undefined && values[name] !== undefined)
      throw unknownField(message, name, path === '' ? name : `${path}.${name}`);
  }
  const fields: LaidField[] = [];
  for (const field of message.fields) {
    const given = values[field.name];
    if (given === undefined) continue;
    const here = path === '' ? field.name : `${path}.${field.name}`;
    const rival = field.rivals.find((name) => values[name] !== undefined);
    if (rival !== undefined) {
      const fix = 'keep one of them';
      const text = `${here} and ${rival} exclude one another (oneof ${field.oneof})`;
      throw new ConchError('CONFIG_INVALID', text, { where: { path: here }, fix });
    }
    fields.push(...laidField(field, given, here));
  }
  return fields;
}

/** A field with all its values: one field, or for a map one for each entry. */
export function laidField(field: Field, value: unknown, path: string): LaidField[] {
  const { name } = field;
  const laid = (one: LaidValue): LaidField => ({ name, value: one, above: [], behind: undefined });
  if (!field.many) return [laid(laidOne(field, value, path))];
  if (field.entry !== undefined) {
    if (!isObject(value)) throw wrongValue(field, value, path, 'an object');
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    if (entries.length === 0) return [laid({ kind: 'list', items: [], ofBlocks: true, inside: noComments })];
    return entries.map(([key, one]) => laid(laidEntry(field, key, one, `${path}[${JSON.stringify(key)}]`)));
  }
  if (!Array.isArray(value)) throw wrongValue(field, value, path, 'a list');
  const items = value.map((one, index) => {
    return { value: laidOne(field, one, `${path}[${index}]`), above: [], behind: undefined };
  });
  return [laid({ kind: 'list', items, ofBlocks: field.message !== undefined, inside: noComments })];
}

/** One value of a field: an item of its list, or the value itself. */
export function laidOne(field: Field, value: unknown, path: string): LaidValue {
  if (field.message === undefined) return laidScalar(field, value, path);
  if (!isObject(value)) throw wrongValue(field, value, path, 'an object');
  return { kind: 'block', fields: laidMessage(field.message, value, path), isEntry: false, inside: noComments };
}

/** One entry of a map. */
export function laidEntry(field: Field, key: string, value: unknown, path: string): LaidValue {
  const [keyField, valueField] = [field.entry!.field('key')!, field.entry!.field('value')!];
  const keyValue = field.key === 'string' ? key : integerKey(keyField, key, path);
  const fields = [
    { name: 'key', value: laidScalar(keyField, keyValue, path), above: [], behind: undefined },
    { name: 'value', value: laidOne(valueField, value, path), above: [], behind: undefined },
  ];
  return { kind: 'block', fields, isEntry: true, inside: noComments };
}

function integerKey(field: Field, key: string, path: string): bigint {
  if (!/^\d{1,20}$/.test(key)) throw wrongValue(field, key, path, 'a whole number as key');
  return BigInt(key);
}

function laidScalar(field: Field, value: unknown, path: string): LaidValue {
  return { kind: 'scalar', lines: [scalarText(scalarValue(field, value, path), field.scalar === 'string')] };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
