import { ConchError, type ErrorCode } from '../../base/index.ts';
import type { FieldSpec, SchemaTable } from '../../config/index.ts';
import { readScalar, type Scalar, scalars, writeScalar } from './scalars.ts';
import { WireReader, wireTypes } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** A message as an object, by field name; what is absent is not a member. */
export type MessageValue = Record<string, unknown>;

/** Bounds what a small message can make us build: messages, list elements and map entries together. */
const maxParts = 1_000_000;

interface CodecField {
  readonly spec: FieldSpec;
  readonly scalar: Scalar | undefined;
  readonly message: MessageCodec | undefined;
  readonly values: EnumValues | undefined;
  /** The value of an absent field, which is not written; undefined where presence is known. */
  readonly zero: unknown;
}

interface EnumValues {
  readonly numbers: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<number, string>;
}

/** Codecs for every message of schema tables that name each other's messages. */
export class Codecs {
  readonly #tables: readonly SchemaTable[];
  readonly #codecs = new Map<string, MessageCodec>();

  constructor(tables: readonly SchemaTable[]) {
    this.#tables = tables;
  }

  /** The codec of a message by its name in the tables. */
  of(name: string): MessageCodec {
    const known = this.#codecs.get(name);
    if (known) return known;
    const fields = this.#tables.find(({ messages }) => Object.hasOwn(messages, name))?.messages[name];
    if (!fields) throw new ConchError('INTERNAL', `no table has a message ${name}`);
    const codec = new MessageCodec(name, fields, this);
    this.#codecs.set(name, codec);
    return codec;
  }

  /** @internal */
  enumeration(name: string): EnumValues | undefined {
    const values = this.#tables.find(({ enums }) => Object.hasOwn(enums, name))?.enums[name];
    if (!values) return undefined;
    const entries = Object.entries(values);
    return { numbers: new Map(entries), names: new Map(entries.map(([value, number]) => [number, value])) };
  }
}

/** One message's binary form, both ways, by its table: any message, at moderate speed. */
export class MessageCodec {
  readonly name: string;
  readonly #specs: readonly FieldSpec[];
  readonly #codecs: Codecs;
  #fields: readonly CodecField[] | undefined;
  #byNumber: ReadonlyMap<number, CodecField> | undefined;

  constructor(name: string, specs: readonly FieldSpec[], codecs: Codecs) {
    this.name = name;
    this.#specs = specs;
    this.#codecs = codecs;
  }

  /**
   * The message in `bytes`. Unknown fields are skipped, the last of repeated single fields counts, messages are merged,
   * a list of numbers may be packed or not: as protobuf has it. Bytes stay views. Throws `code` for anything malformed.
   */
  decode(bytes: Uint8Array, code: ErrorCode = 'REQUEST_MALFORMED'): MessageValue {
    const reader = new WireReader(bytes, this.name, code);
    return this.#read(reader, {}, { left: maxParts });
  }

  /** Throws INTERNAL for a value of the wrong type: what is encoded is ours. */
  encode(value: object): Uint8Array {
    const writer = new WireWriter();
    this.#write(writer, value as MessageValue);
    return writer.bytes;
  }

  get #resolved(): readonly CodecField[] {
    this.#fields ??= [...this.#specs].sort((a, b) => a.number - b.number).map((spec) => this.#resolve(spec));
    return this.#fields;
  }

  #resolve(spec: FieldSpec): CodecField {
    const scalar = Object.hasOwn(scalars, spec.type) ? scalars[spec.type] : undefined;
    const values = scalar ? undefined : this.#codecs.enumeration(spec.type);
    const message = scalar || values ? undefined : this.#codecs.of(spec.type);
    const explicit = message !== undefined || spec.oneof !== undefined || spec.optional === true;
    const zero = explicit || spec.label ? undefined : (scalar?.zero ?? values?.names.get(0) ?? 0);
    return { spec, scalar, message, values, zero };
  }

  #read(reader: WireReader, into: MessageValue, budget: { left: number }): MessageValue {
    this.#byNumber ??= new Map(this.#resolved.map((field) => [field.spec.number, field]));
    while (reader.next()) {
      const field = this.#byNumber.get(reader.field);
      if (!field || !this.#readField(reader, field, into, budget)) reader.skip();
    }
    return into;
  }

  /** False for a wire type that the field cannot have: protobuf treats such fields as unknown. */
  #readField(reader: WireReader, field: CodecField, into: MessageValue, budget: { left: number }): boolean {
    const { spec } = field;
    const wireType = field.message ? wireTypes.bytes : (field.scalar?.wireType ?? wireTypes.varint);
    if (spec.label === 'map') {
      if (reader.wireType !== wireTypes.bytes) return false;
      spend(reader, budget);
      this.#readEntry(reader, field, into, budget);
      return true;
    }
    if (spec.label === 'repeated') {
      const packed = wireType !== wireTypes.bytes && reader.wireType === wireTypes.bytes;
      if (!packed && reader.wireType !== wireType) return false;
      into[spec.name] ??= [];
      const list = into[spec.name] as unknown[];
      if (!packed) {
        spend(reader, budget);
        list.push(this.#readOne(reader, field, undefined, budget));
        return true;
      }
      const stop = reader.length();
      const { end } = reader;
      reader.end = stop;
      while (reader.position < stop) {
        spend(reader, budget);
        list.push(this.#readOne(reader, field, undefined, budget));
      }
      reader.end = end;
      return true;
    }
    if (reader.wireType !== wireType) return false;
    const value = this.#readOne(reader, field, into[spec.name], budget);
    if (spec.oneof !== undefined) {
      for (const { name, oneof } of this.#specs) if (oneof === spec.oneof && name !== spec.name) delete into[name];
    }
    into[spec.name] = value;
    return true;
  }

  #readOne(reader: WireReader, field: CodecField, before: unknown, budget: { left: number }): unknown {
    if (field.scalar) return readScalar(reader, field.scalar);
    if (field.values) {
      const number = reader.uint32() | 0;
      return field.values.names.get(number) ?? number;
    }
    const stop = reader.length();
    const { end } = reader;
    reader.end = stop;
    const value = field.message!.#read(reader, (before as MessageValue) ?? {}, budget);
    reader.end = end;
    return value;
  }

  #readEntry(reader: WireReader, field: CodecField, into: MessageValue, budget: { left: number }): void {
    into[field.spec.name] ??= {};
    const map = into[field.spec.name] as MessageValue;
    const keyType = scalars[field.spec.key ?? 'string']!;
    let key: unknown = keyType.zero;
    let value: unknown;
    const stop = reader.length();
    const { end } = reader;
    reader.end = stop;
    const valueType = field.message ? wireTypes.bytes : (field.scalar?.wireType ?? wireTypes.varint);
    while (reader.next()) {
      if (reader.field === 1 && reader.wireType === keyType.wireType) key = readScalar(reader, keyType);
      else if (reader.field === 2 && reader.wireType === valueType) value = this.#readOne(reader, field, value, budget);
      else reader.skip();
    }
    reader.end = end;
    value ??= field.message ? {} : (field.scalar?.zero ?? field.values?.names.get(0) ?? 0);
    // `__proto__` is a key like any other.
    Object.defineProperty(map, String(key), { value, enumerable: true, configurable: true, writable: true });
  }

  #write(writer: WireWriter, message: MessageValue): void {
    for (const field of this.#resolved) {
      const value = message[field.spec.name];
      if (value === undefined || value === null) continue;
      const { number, label } = field.spec;
      if (label === 'map') this.#writeMap(writer, field, value as MessageValue);
      else if (label === 'repeated') this.#writeList(writer, field, value as readonly unknown[]);
      else if (field.zero === undefined || !isZero(value, field.zero)) this.#writeOne(writer, number, field, value);
    }
  }

  #writeList(writer: WireWriter, field: CodecField, values: readonly unknown[]): void {
    const { number } = field.spec;
    if (values.length === 0) return;
    if (field.message || field.scalar?.wireType === wireTypes.bytes) {
      for (const value of values) this.#writeOne(writer, number, field, value);
      return;
    }
    const start = writer.open(number);
    for (const value of values) {
      if (field.scalar) writeScalar(writer, field.scalar, value, field.spec.name);
      else writer.varint(this.#number(field, value));
    }
    writer.close(start);
  }

  #writeMap(writer: WireWriter, field: CodecField, map: MessageValue): void {
    const keyType = scalars[field.spec.key ?? 'string']!;
    for (const [key, value] of Object.entries(map)) {
      if (value === undefined) continue;
      const start = writer.open(field.spec.number);
      if (keyType.name === 'string') writer.text(1, key);
      else {
        writer.tag(1, keyType.wireType);
        writeScalar(writer, keyType, BigInt(key), `a key of ${field.spec.name}`);
      }
      this.#writeOne(writer, 2, field, value);
      writer.close(start);
    }
  }

  #writeOne(writer: WireWriter, number: number, field: CodecField, value: unknown): void {
    if (field.message) {
      const start = writer.open(number);
      field.message.#write(writer, value as MessageValue);
      writer.close(start);
    } else if (field.values) {
      writer.tag(number, wireTypes.varint);
      writer.varint(this.#number(field, value));
    } else if (field.scalar!.wireType === wireTypes.bytes) {
      if (field.scalar!.name === 'string') writer.text(number, String(value));
      else writer.data(number, value as Uint8Array);
    } else {
      writer.tag(number, field.scalar!.wireType);
      writeScalar(writer, field.scalar!, value, field.spec.name);
    }
  }

  #number(field: CodecField, value: unknown): number {
    const number = typeof value === 'number' ? value : field.values!.numbers.get(String(value));
    if (number !== undefined) return number;
    throw new ConchError('INTERNAL', `${this.name}.${field.spec.name}: ${value} is no value of ${field.spec.type}`);
  }
}

function spend(reader: WireReader, budget: { left: number }): void {
  budget.left -= 1;
  if (budget.left < 0) reader.fail(`the message has more than ${maxParts} parts`);
}

function isZero(value: unknown, zero: unknown): boolean {
  if (value === zero) return !Object.is(value, -0);
  if (value instanceof Uint8Array) return value.length === 0;
  return value === 0n || (value === 0 && !Object.is(value, -0));
}
