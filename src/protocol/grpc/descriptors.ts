import { configEnums, configMessages, type FieldSpec, type SchemaTable } from '../../config/index.ts';
import * as health from '../schema/health.ts';
import type { ServiceTable } from '../schema/spec.ts';
import * as inference from '../schema/table.ts';
import { Codecs } from './message-codec.ts';

/** One of our schema tables as the .proto file that it stands for. */
export interface DescribedFile {
  readonly name: string;
  readonly dependencies: readonly string[];
  /** Full names of everything that it declares: messages, enumerations, services and their methods. */
  readonly symbols: readonly string[];
  /** google.protobuf.FileDescriptorProto. */
  readonly bytes: Uint8Array;
}

const list = (number: number, name: string, type: string): FieldSpec => ({
  number,
  name,
  type,
  label: 'repeated',
  doc: '',
});
const one = (number: number, name: string, type: string, oneof?: string): FieldSpec =>
  oneof ? { number, name, type, oneof, doc: '' } : { number, name, type, doc: '' };

/** The parts of protobuf's own descriptor messages that a schema table needs. */
const descriptorTable: SchemaTable = {
  enums: {},
  messages: {
    FileDescriptorProto: [
      one(1, 'name', 'string'),
      one(2, 'package', 'string'),
      list(3, 'dependency', 'string'),
      list(4, 'message_type', 'DescriptorProto'),
      list(5, 'enum_type', 'EnumDescriptorProto'),
      list(6, 'service', 'ServiceDescriptorProto'),
      one(12, 'syntax', 'string'),
    ],
    DescriptorProto: [
      one(1, 'name', 'string'),
      list(2, 'field', 'FieldDescriptorProto'),
      list(3, 'nested_type', 'DescriptorProto'),
      list(4, 'enum_type', 'EnumDescriptorProto'),
      one(7, 'options', 'MessageOptions'),
      list(8, 'oneof_decl', 'OneofDescriptorProto'),
    ],
    MessageOptions: [one(7, 'map_entry', 'bool')],
    OneofDescriptorProto: [one(1, 'name', 'string')],
    FieldDescriptorProto: [
      one(1, 'name', 'string'),
      one(3, 'number', 'int32'),
      one(4, 'label', 'int32'),
      one(5, 'type', 'int32'),
      one(6, 'type_name', 'string'),
      // Index 0 has to be written, too.
      one(9, 'oneof_index', 'int32', 'presence'),
      one(10, 'json_name', 'string'),
      one(17, 'proto3_optional', 'bool'),
    ],
    EnumDescriptorProto: [one(1, 'name', 'string'), list(2, 'value', 'EnumValueDescriptorProto')],
    EnumValueDescriptorProto: [one(1, 'name', 'string'), one(2, 'number', 'int32', 'presence')],
    ServiceDescriptorProto: [one(1, 'name', 'string'), list(2, 'method', 'MethodDescriptorProto')],
    MethodDescriptorProto: [
      one(1, 'name', 'string'),
      one(2, 'input_type', 'string'),
      one(3, 'output_type', 'string'),
      one(5, 'client_streaming', 'bool'),
      one(6, 'server_streaming', 'bool'),
    ],
  },
};
const descriptorCodec = new Codecs([descriptorTable]).of('FileDescriptorProto');

/** FieldDescriptorProto.Type by the names of the tables. */
const typeNumbers: { readonly [type: string]: number } = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
};
const messageType = 11;
const enumType = 14;

interface Source extends SchemaTable {
  readonly name: string;
  readonly package: string;
  readonly dependencies: readonly string[];
  readonly services: ServiceTable;
}

/** Our tables as files, each after those that it imports. */
export function describeFiles(): DescribedFile[] {
  const sources: Source[] = [
    {
      name: 'model_config.proto',
      package: 'inference',
      dependencies: [],
      messages: configMessages,
      enums: configEnums,
      services: {},
    },
    {
      name: 'grpc_service.proto',
      package: 'inference',
      dependencies: ['model_config.proto'],
      messages: inference.messages,
      enums: inference.enums,
      services: inference.services,
    },
    {
      name: 'health.proto',
      package: 'grpc.health.v1',
      dependencies: [],
      messages: health.messages,
      enums: health.enums,
      services: health.services,
    },
  ];
  const enums = new Set(sources.flatMap((source) => Object.keys(source.enums)));
  return sources.map((source) => describe(source, enums));
}

function describe(source: Source, enums: ReadonlySet<string>): DescribedFile {
  const scope = new Scope(source, enums);
  const bytes = descriptorCodec.encode({
    name: source.name,
    package: source.package,
    dependency: source.dependencies,
    message_type: scope.children('', Object.keys(source.messages)).map((name) => scope.message(name)),
    enum_type: scope.children('', Object.keys(source.enums)).map((name) => scope.enumeration(name)),
    service: Object.entries(source.services).map(([name, methods]) => ({
      name,
      method: methods.map((method) => ({
        name: method.name,
        input_type: scope.full(method.request),
        output_type: scope.full(method.response),
        client_streaming: method.requestStream === true,
        server_streaming: method.responseStream === true,
      })),
    })),
    syntax: 'proto3',
  });
  const symbols = [
    ...Object.keys(source.messages),
    ...Object.keys(source.enums),
    ...Object.entries(source.services).flatMap(([name, methods]) => [
      name,
      ...methods.map((method) => `${name}.${method.name}`),
    ]),
  ].map((name) => `${source.package}.${name}`);
  return { name: source.name, dependencies: source.dependencies, symbols, bytes };
}

/** A table's declarations, nested as their dotted names say. */
class Scope {
  readonly #source: Source;
  readonly #enums: ReadonlySet<string>;

  constructor(source: Source, enums: ReadonlySet<string>) {
    this.#source = source;
    this.#enums = enums;
  }

  full(name: string): string {
    return `.${this.#source.package}.${name}`;
  }

  /** Names directly below `parent`. */
  children(parent: string, names: readonly string[]): string[] {
    const prefix = parent === '' ? '' : `${parent}.`;
    return names.filter((name) => name.startsWith(prefix) && !name.slice(prefix.length).includes('.'));
  }

  message(name: string): object {
    const { messages, enums } = this.#source;
    const fields = messages[name]!;
    const oneofs = [...new Set(fields.flatMap((field) => field.oneof ?? []))];
    // Presence of an optional scalar is a oneof of its own, after the real ones.
    const optional = fields.filter((field) => field.optional && !field.oneof);
    const declared = [...oneofs, ...optional.map((field) => `_${field.name}`)];
    return {
      name: lastName(name),
      field: fields.map((field) => this.#field(field, name, declared)),
      nested_type: [
        ...this.children(name, Object.keys(messages)).map((child) => this.message(child)),
        ...fields.filter((field) => field.label === 'map').map((field) => this.#entry(field)),
      ],
      enum_type: this.children(name, Object.keys(enums)).map((child) => this.enumeration(child)),
      oneof_decl: declared.map((oneof) => ({ name: oneof })),
    };
  }

  enumeration(name: string): object {
    const values = Object.entries(this.#source.enums[name]!);
    return { name: lastName(name), value: values.map(([value, number]) => ({ name: value, number })) };
  }

  #field(field: FieldSpec, parent: string, oneofs: readonly string[]): object {
    const oneof = field.oneof ?? (field.optional ? `_${field.name}` : undefined);
    const type =
      field.label === 'map'
        ? { type: messageType, type_name: `${this.full(parent)}.${entryName(field)}` }
        : this.#type(field.type);
    return {
      name: field.name,
      number: field.number,
      label: field.label ? 3 : 1,
      ...type,
      json_name: field.name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      ...(oneof !== undefined && { oneof_index: oneofs.indexOf(oneof) }),
      ...(field.optional && !field.oneof && { proto3_optional: true }),
    };
  }

  #entry(field: FieldSpec): object {
    return {
      name: entryName(field),
      field: [
        { name: 'key', number: 1, label: 1, ...this.#type(field.key!), json_name: 'key' },
        { name: 'value', number: 2, label: 1, ...this.#type(field.type), json_name: 'value' },
      ],
      options: { map_entry: true },
    };
  }

  #type(type: string): object {
    if (Object.hasOwn(typeNumbers, type)) return { type: typeNumbers[type] };
    return { type: this.#enums.has(type) ? enumType : messageType, type_name: this.full(type) };
  }
}

function lastName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** protoc's name for the message behind a map. */
function entryName({ name }: FieldSpec): string {
  return `${name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())}Entry`;
}
