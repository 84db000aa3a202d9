import type { FieldShape, MethodShape, Schema } from './spec.ts';

export type DifferenceKind = 'added' | 'removed' | 'renamed' | 'renumbered' | 'retyped' | 'relabelled';

/** One difference; a field that changed in several ways has several. `added` and `removed` are the release's doing. */
export interface Difference {
  readonly kind: DifferenceKind;
  readonly element: 'message' | 'field' | 'enum' | 'value' | 'service' | 'method';
  /** Name in the package, e.g. `ModelConfig.max_batch_size` or `DataType.TYPE_FP32`. */
  readonly path: string;
  /** What our table says; absent for what was added. */
  readonly ours?: string;
  /** What the release says; absent for what was removed. */
  readonly release?: string;
}

/** How a release's schema differs from ours, message by message in our order; what only the release has comes last. */
export function diffSchemas(ours: Schema, release: Schema): Difference[] {
  return [
    ...compare(ours.messages, release.messages, 'message', diffFields, (fields) => count(fields.length, 'field')),
    ...compare(ours.enums, release.enums, 'enum', diffValues, (values) => count(values.size, 'value')),
    ...compare(ours.services, release.services, 'service', diffMethods, (methods) => count(methods.length, 'method')),
  ];
}

/** Compares two collections by name; the members of what only one of them has are listed too. */
function compare<T>(
  ours: ReadonlyMap<string, T>,
  release: ReadonlyMap<string, T>,
  element: Difference['element'],
  members: (name: string, ours: T | undefined, release: T | undefined) => Difference[],
  summary: (value: T) => string,
): Difference[] {
  return [...new Set([...ours.keys(), ...release.keys()])].flatMap((name) => {
    const [mine, theirs] = [ours.get(name), release.get(name)];
    const inner = members(name, mine, theirs);
    if (theirs === undefined) return [{ kind: 'removed', element, path: name, ours: summary(mine!) }, ...inner];
    if (mine === undefined) return [{ kind: 'added', element, path: name, release: summary(theirs) }, ...inner];
    return inner;
  });
}

function diffFields(
  message: string,
  ours: readonly FieldShape[] = [],
  release: readonly FieldShape[] = [],
): Difference[] {
  const renamed = renamedFields(ours, release);
  const byName = new Map(release.map((field) => [field.name, field]));
  const differences: Difference[] = [];
  for (const mine of ours) {
    const path = `${message}.${mine.name}`;
    const theirs = byName.get(mine.name);
    const successor = renamed.get(mine.name);
    const add = (kind: DifferenceKind, now: string, then: string) => {
      if (now !== then) differences.push({ kind, element: 'field', path, ours: now, release: then });
    };
    if (successor) add('renamed', mine.name, successor.name);
    else if (!theirs) differences.push({ kind: 'removed', element: 'field', path, ours: declaration(mine) });
    else {
      add('renumbered', String(mine.number), String(theirs.number));
      const maps = mine.label === 'map' && theirs.label === 'map';
      add('retyped', maps ? typeText(mine) : mine.type, maps ? typeText(theirs) : theirs.type);
      add('relabelled', labelText(mine), labelText(theirs));
    }
  }
  const known = new Set([...ours.map((field) => field.name), ...[...renamed.values()].map((field) => field.name)]);
  for (const theirs of release) {
    if (known.has(theirs.name)) continue;
    const path = `${message}.${theirs.name}`;
    differences.push({ kind: 'added', element: 'field', path, release: declaration(theirs) });
  }
  return differences;
}

/** Our fields that the release has under another name: the same number, type and label. */
export function renamedFields(
  ours: readonly FieldShape[],
  release: readonly FieldShape[],
): ReadonlyMap<string, FieldShape> {
  const names = new Set(ours.map((field) => field.name));
  const fresh = new Map(release.filter((field) => !names.has(field.name)).map((field) => [field.number, field]));
  const kept = new Set(release.map((field) => field.name));
  return new Map(
    ours.flatMap((field) => {
      const successor = kept.has(field.name) ? undefined : fresh.get(field.number);
      return successor && declaration(successor) === declaration(field) ? [[field.name, successor] as const] : [];
    }),
  );
}

function diffValues(
  name: string,
  ours: ReadonlyMap<string, number> = new Map(),
  release: ReadonlyMap<string, number> = new Map(),
): Difference[] {
  const fresh = new Map([...release].filter(([value]) => !ours.has(value)).map(([value, number]) => [number, value]));
  const taken = new Set<string>();
  const differences = [...ours].flatMap(([value, number]): Difference[] => {
    const path = `${name}.${value}`;
    const theirs = release.get(value);
    if (theirs === number) return [];
    if (theirs !== undefined) {
      return [{ kind: 'renumbered', element: 'value', path, ours: `${number}`, release: `${theirs}` }];
    }
    const successor = fresh.get(number);
    if (successor === undefined || taken.has(successor)) {
      return [{ kind: 'removed', element: 'value', path, ours: `${number}` }];
    }
    taken.add(successor);
    return [{ kind: 'renamed', element: 'value', path, ours: value, release: successor }];
  });
  for (const [value, number] of release) {
    if (ours.has(value) || taken.has(value)) continue;
    differences.push({ kind: 'added', element: 'value', path: `${name}.${value}`, release: `${number}` });
  }
  return differences;
}

function diffMethods(
  service: string,
  ours: readonly MethodShape[] = [],
  release: readonly MethodShape[] = [],
): Difference[] {
  const byName = (methods: readonly MethodShape[]) => new Map(methods.map((method) => [method.name, method]));
  const [mineByName, theirsByName] = [byName(ours), byName(release)];
  return [...new Set([...mineByName.keys(), ...theirsByName.keys()])].flatMap((name): Difference[] => {
    const path = `${service}.${name}`;
    const mine = mineByName.get(name);
    const theirs = theirsByName.get(name);
    if (!theirs) return [{ kind: 'removed', element: 'method', path, ours: signature(mine!) }];
    if (!mine) return [{ kind: 'added', element: 'method', path, release: signature(theirs) }];
    const differences: Difference[] = [];
    const add = (kind: DifferenceKind, now: string, then: string) => {
      if (now !== then) differences.push({ kind, element: 'method', path, ours: now, release: then });
    };
    add('retyped', `${mine.request} -> ${mine.response}`, `${theirs.request} -> ${theirs.response}`);
    add('relabelled', streaming(mine), streaming(theirs));
    return differences;
  });
}

/** A field but for its name: `repeated string = 3`, with the oneof where there is one. */
function declaration(field: FieldShape): string {
  const label = field.label === 'repeated' || field.optional ? `${labelText(field)} ` : '';
  const oneof = field.oneof === undefined ? '' : ` (oneof ${field.oneof})`;
  return `${label}${typeText(field)} = ${field.number}${oneof}`;
}

function typeText(field: FieldShape): string {
  return field.label === 'map' ? `map<${field.key}, ${field.type}>` : field.type;
}

function labelText(field: FieldShape): string {
  if (field.label !== undefined) return field.label;
  if (field.oneof !== undefined) return `oneof ${field.oneof}`;
  return field.optional ? 'optional' : 'singular';
}

function signature(method: MethodShape): string {
  const part = (type: string, stream: true | undefined) => `${stream ? 'stream ' : ''}${type}`;
  return `${part(method.request, method.requestStream)} -> ${part(method.response, method.responseStream)}`;
}

function streaming(method: MethodShape): string {
  if (method.requestStream && method.responseStream) return 'streams both ways';
  if (method.requestStream) return 'streams requests';
  return method.responseStream ? 'streams responses' : 'unary';
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
