import { fromBinary, isFieldSet } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type MethodDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import type { FieldShape, MethodShape } from '../spec.ts';
import { fieldNumber, identifier, invalid, limitDeclarations, type ProtoFile, typeReference } from './proto-file.ts';

/**
 * Reads a serialised `google.protobuf.FileDescriptorProto`, as generated code carries it.
 *
 * @throws FILE_INVALID when the bytes are no descriptor, or one with impossible names and numbers.
 */
export function readDescriptor(bytes: Uint8Array, source: string): ProtoFile {
  const file = decode(bytes, source);
  const scope = file.package === '' ? [] : file.package.split('.').map((part) => identifier(part, source));
  const messages = new Map<string, readonly FieldShape[]>();
  const enums = new Map<string, ReadonlyMap<string, number>>();
  const services = new Map<string, readonly MethodShape[]>();

  const addEnums = (list: DescriptorProto['enumType'], path: readonly string[]) => {
    for (const { name, value } of list) {
      const values = value.map((entry) => [identifier(entry.name, source), entry.number] as const);
      enums.set([...path, identifier(name, source)].join('.'), new Map(values));
    }
  };
  const addMessage = (message: DescriptorProto, path: readonly string[]) => {
    const inner = [...path, identifier(message.name, source)];
    const name = inner.join('.');
    const entries = new Map(
      message.nestedType.filter((nested) => nested.options?.mapEntry).map((entry) => [`${name}.${entry.name}`, entry]),
    );
    const fields = message.field.map((field) => fieldOf(field, message, name, entries, source));
    for (const key of ['name', 'number'] as const) {
      const seen = new Set(fields.map((field) => field[key]));
      if (seen.size < fields.length) throw invalid(source, `${name} has two fields of one ${key}`);
    }
    messages.set(name, fields);
    addEnums(message.enumType, inner);
    for (const nested of message.nestedType) if (!nested.options?.mapEntry) addMessage(nested, inner);
  };
  addEnums(file.enumType, scope);
  for (const message of file.messageType) addMessage(message, scope);
  for (const { name, method } of file.service) {
    services.set(
      [...scope, identifier(name, source)].join('.'),
      method.map((each) => methodOf(each, source)),
    );
  }
  const sizes = [...messages.values(), ...services.values()].map((list) => list.length + 1);
  for (const values of enums.values()) sizes.push(values.size + 1);
  const declared = sizes.reduce((sum, size) => sum + size, 0);
  limitDeclarations(declared, source);
  return { source, package: file.package, messages, enums, services };
}

function decode(bytes: Uint8Array, source: string): FileDescriptorProto {
  try {
    return fromBinary(FileDescriptorProtoSchema, bytes);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw invalid(source, `its descriptor cannot be decoded: ${reason}`);
  }
}

function fieldOf(
  field: FieldDescriptorProto,
  message: DescriptorProto,
  path: string,
  entries: ReadonlyMap<string, DescriptorProto>,
  source: string,
): FieldShape {
  const name = identifier(field.name, source);
  const number = fieldNumber(field.number, `${path}.${name}`, source);
  const entry = entries.get(field.typeName.replace(/^\./, ''));
  if (entry) {
    const [key, value] = [1, 2].map((part) => entry.field.find((candidate) => candidate.number === part));
    if (!key || !value) throw invalid(source, `the map ${path}.${name} lacks its key or its value`);
    return { number, name, type: typeOf(value, source), label: 'map', key: typeOf(key, source) };
  }
  const repeated = field.label === FieldDescriptorProto_Label.REPEATED;
  const oneof = isFieldSet(field, FieldDescriptorProtoSchema.field.oneofIndex)
    ? message.oneofDecl[field.oneofIndex]
    : undefined;
  return {
    number,
    name,
    type: typeOf(field, source),
    ...(repeated && { label: 'repeated' }),
    ...(field.proto3Optional ? { optional: true } : oneof && { oneof: identifier(oneof.name, source) }),
  };
}

function methodOf(method: MethodDescriptorProto, source: string): MethodShape {
  return {
    name: identifier(method.name, source),
    request: typeReference(method.inputType, source),
    ...(method.clientStreaming && { requestStream: true }),
    response: typeReference(method.outputType, source),
    ...(method.serverStreaming && { responseStream: true }),
  };
}

/** `int32`, or the full name of a message or enumeration with its leading dot. */
function typeOf(field: FieldDescriptorProto, source: string): string {
  if (field.typeName !== '') return typeReference(field.typeName, source);
  // A type number that protobuf does not know counts as absent, whose default would be double.
  if (!isFieldSet(field, FieldDescriptorProtoSchema.field.type)) {
    throw invalid(source, `gives the field ${field.name} no type that protobuf knows`);
  }
  return FieldDescriptorProto_Type[field.type].toLowerCase();
}
