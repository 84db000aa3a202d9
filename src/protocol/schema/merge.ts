import type { FieldSpec, SchemaTable } from '../../config/index.ts';
import { renamedFields } from './diff.ts';
import type { FieldShape, MethodSpec, Schema, ServiceTable } from './spec.ts';

type Table = SchemaTable & { readonly services: ServiceTable };

/**
 * The release's schema in the form of our table: our sentences and our order for what we have, a sentence made from
 * name and type for what is new, whose path is added to `undocumented`.
 */
export function mergeSchema(ours: Table, release: Schema, undocumented: string[]): Table {
  const known = new Map(Object.entries(ours.messages));
  const knownServices = new Map(Object.entries(ours.services));
  const messages = inOurOrder([...known.keys()], release.messages).map(([name, fields]) => {
    return [name, mergeFields(name, known.get(name) ?? [], fields, undocumented)] as const;
  });
  const enums = inOurOrder(Object.keys(ours.enums), release.enums).map(([name, values]) => {
    return [name, Object.fromEntries(values)] as const;
  });
  const services = inOurOrder([...knownServices.keys()], release.services).map(([name, methods]) => {
    const docs = new Map(knownServices.get(name)?.map((method) => [method.name, method.doc]));
    const shapes = new Map(methods.map((method) => [method.name, method]));
    const merged = inOurOrder([...docs.keys()], shapes).map(([, method]): MethodSpec => {
      const doc = docs.get(method.name);
      if (doc === undefined) undocumented.push(`${name}.${method.name}`);
      return {
        name: method.name,
        request: method.request,
        ...(method.requestStream && { requestStream: true }),
        response: method.response,
        ...(method.responseStream && { responseStream: true }),
        doc: doc ?? `${sentenceStart(method.name)}: ${method.request} to ${method.response}.`,
      };
    });
    return [name, merged] as const;
  });
  return {
    messages: Object.fromEntries(messages),
    enums: Object.fromEntries(enums),
    services: Object.fromEntries(services),
  };
}

function mergeFields(
  message: string,
  ours: readonly FieldSpec[],
  release: readonly FieldShape[],
  undocumented: string[],
): FieldSpec[] {
  const renamed = renamedFields(ours, release);
  const names = ours.map((field) => renamed.get(field.name)?.name ?? field.name);
  const known = new Map(ours.map((field, index) => [names[index]!, field]));
  const shapes = new Map(release.map((field) => [field.name, field]));
  return inOurOrder(names, shapes).map(([name, field]) => {
    const { doc, since } = known.get(name) ?? {};
    if (doc === undefined) undocumented.push(`${message}.${name}`);
    return {
      number: field.number,
      name,
      type: field.type,
      ...(field.label !== undefined && { label: field.label }),
      // `requireKnownTypes` refuses other key types before anything is written.
      ...(field.key !== undefined && { key: field.key as NonNullable<FieldSpec['key']> }),
      ...(field.oneof !== undefined && { oneof: field.oneof }),
      ...(field.optional && { optional: field.optional }),
      ...(since !== undefined && { since }),
      doc: doc ?? `${sentenceStart(name)}: ${typePhrase(field)}.`,
    };
  });
}

/** Entries of the release: those that we know in our order, each new one behind the one that the release puts it after. */
function inOurOrder<T>(ours: readonly string[], release: ReadonlyMap<string, T>): [string, T][] {
  const order = ours.filter((name) => release.has(name));
  const placed = new Set(order);
  let before: string | undefined;
  for (const name of release.keys()) {
    if (!placed.has(name)) {
      order.splice(before === undefined ? 0 : order.indexOf(before) + 1, 0, name);
      placed.add(name);
    }
    before = name;
  }
  return order.map((name) => [name, release.get(name)!]);
}

function typePhrase(field: FieldShape): string {
  if (field.label === 'map') return `map from ${field.key} to ${field.type}`;
  return field.label === 'repeated' ? `list of ${field.type}` : field.type;
}

/** `max_queue_delay` and `ServerLive` as the start of a sentence: `Max queue delay`, `Server live`. */
function sentenceStart(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .trim()
    .toLowerCase();
  return words === '' ? name : words[0]!.toUpperCase() + words.slice(1);
}
