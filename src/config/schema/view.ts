import { distance } from 'fastest-levenshtein';
import { enums, type FieldSpec, messages, type ScalarType } from './table.ts';

/** A field with its type resolved: exactly one of `scalar`, `message` and `enumeration` is set. For a map, the value's. */
export interface Field extends FieldSpec {
  readonly scalar: ScalarType | undefined;
  readonly message: Message | undefined;
  readonly enumeration: Enumeration | undefined;
  /** `repeated` or `map`. */
  readonly many: boolean;
  /** A map's entry as a message with the fields `key` and `value`. */
  readonly entry: Message | undefined;
  /** Whether a zero is told from absence: messages, optional scalars, members of a oneof, keys and values. */
  readonly explicit: boolean;
  /** The other fields of its oneof. */
  readonly rivals: readonly string[];
}

const scalars: ReadonlySet<string> = new Set<ScalarType>([
  'string',
  'bool',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'float',
  'double',
]);

/** One message of the table; `fields` are in the order in which the printer writes them. */
export class Message {
  readonly name: string;
  readonly #specs: readonly FieldSpec[];
  readonly #isEntry: boolean;
  #fields: readonly Field[] | undefined;
  #byName: ReadonlyMap<string, Field> | undefined;

  constructor(name: string, specs: readonly FieldSpec[], isEntry = false) {
    this.name = name;
    this.#isEntry = isEntry;
    this.#specs = specs;
  }

  get fields(): readonly Field[] {
    this.#fields ??= this.#specs.map((spec) => resolve(spec, this.#specs, this.#isEntry));
    return this.#fields;
  }

  field(name: string): Field | undefined {
    this.#byName ??= new Map(this.fields.map((field) => [field.name, field]));
    return this.#byName.get(name);
  }

  /** The field that a wrong name most likely means (case and camelCase are seen through), if any is near enough, or at most `most` changes away. */
  nearest(name: string, most?: number): string | undefined {
    return nearestName(
      name,
      this.fields.map((field) => field.name),
      most,
    );
  }

  /** Paths of fields of exactly this name inside the messages below this one, shortest first, e.g. `input.dims`. */
  pathsTo(name: string, depth = 3): string[] {
    if (depth === 0) return [];
    const nested = this.fields.filter((field) => field.message !== undefined);
    const here = nested
      .filter((field) => field.message!.field(name) !== undefined)
      .map((field) => `${field.name}.${name}`);
    const below = nested.flatMap((field) =>
      field.message!.pathsTo(name, depth - 1).map((path) => `${field.name}.${path}`),
    );
    return [...here, ...below].sort((a, b) => a.split('.').length - b.split('.').length);
  }
}

/** What other systems, and Triton's own protocol, call the element types of a config. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ['BYTES', 'STRING'],
  ['STR', 'STRING'],
  ['BOOLEAN', 'BOOL'],
  ['INT', 'INT32'],
  ['LONG', 'INT64'],
  ['HALF', 'FP16'],
  ['FLOAT16', 'FP16'],
  ['BFLOAT16', 'BF16'],
  ['FLOAT', 'FP32'],
  ['FLOAT32', 'FP32'],
  ['DOUBLE', 'FP64'],
  ['FLOAT64', 'FP64'],
]);

/** One enumeration of the table. Enumerations are open: a number without a name is legal. */
export class Enumeration {
  readonly name: string;
  readonly values: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #names: ReadonlyMap<number, string>;

  constructor(name: string, values: Readonly<Record<string, number>>) {
    this.name = name;
    this.values = Object.keys(values);
    this.#numbers = new Map(Object.entries(values));
    this.#names = new Map(Object.entries(values).map(([value, number]) => [number, value]));
  }

  number(value: string): number | undefined {
    return this.#numbers.get(value);
  }

  /** The value's name, or the number itself where it has none. */
  valueOf(number: number): string | number {
    return this.#names.get(number) ?? number;
  }

  /** The value that a wrong name most likely means: `FP32`, `type_fp32` and `FLOAT32` are `TYPE_FP32`. */
  nearest(name: string): string | undefined {
    const word = name.toUpperCase().replace(/^TYPE_/, '');
    const tail = `_${synonyms.get(word) ?? word}`;
    return this.values.find((value) => value.endsWith(tail)) ?? nearestName(name, this.values);
  }
}

const messageViews = new Map(Object.entries(messages).map(([name, specs]) => [name, new Message(name, specs)]));
const enumViews = new Map(Object.entries(enums).map(([name, values]) => [name, new Enumeration(name, values)]));

function resolve(spec: FieldSpec, siblings: readonly FieldSpec[], inEntry: boolean): Field {
  const rivals = siblings.filter((other) => spec.oneof !== undefined && other.oneof === spec.oneof && other !== spec);
  const message = messageViews.get(spec.type);
  return {
    ...spec,
    scalar: scalars.has(spec.type) ? (spec.type as ScalarType) : undefined,
    message,
    enumeration: enumViews.get(spec.type),
    many: spec.label !== undefined,
    entry: spec.label === 'map' ? entryOf(spec) : undefined,
    explicit: message !== undefined || spec.oneof !== undefined || spec.optional === true || inEntry,
    rivals: rivals.map((other) => other.name),
  };
}

/** Generated entries of maps know the presence of key and value, zeros included; Triton refuses `key: "" key: "a"`. */
function entryOf(spec: FieldSpec): Message {
  const key = { number: 1, name: 'key', type: spec.key!, doc: 'Key of the entry; empty or 0 when absent.' };
  const value = { number: 2, name: 'value', type: spec.type, doc: 'Value of the entry.' };
  return new Message(`${spec.name} entry`, [key, value], true);
}

/** A message of the table by its full name, e.g. `ModelSequenceBatching.Control`. */
export function findMessage(name: string): Message | undefined {
  return messageViews.get(name);
}

/** An enumeration of the table by its full name, e.g. `DataType`. */
export function findEnumeration(name: string): Enumeration | undefined {
  return enumViews.get(name);
}

/** The message that a whole config.pbtxt holds. */
export const modelConfig: Message = messageViews.get('ModelConfig')!;

/** The candidate that differs least from `name`; none when more than about a third of it would have to change. */
export function nearestName(name: string, candidates: readonly string[], most?: number): string | undefined {
  if (name.length > 80) return undefined;
  const plain = plainName(name);
  let best: string | undefined;
  let least = (most ?? Math.max(2, Math.floor(plain.length / 3))) + 1;
  for (const candidate of candidates) {
    const changes = distance(plain, plainName(candidate));
    if (changes < least) [best, least] = [candidate, changes];
  }
  return best;
}

function plainName(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}
