import protobuf from 'protobufjs';
import type { FieldShape, MethodShape } from '../spec.ts';
import { fieldNumber, identifier, invalid, limitDeclarations, type ProtoFile, typeReference } from './proto-file.ts';

/**
 * Reads the text of a .proto file. Types that fields name are left as written; `resolveTypes` makes them full names
 * once all files are known.
 *
 * @throws FILE_INVALID with the line, when the text cannot be parsed.
 */
export function parseProtoText(text: string, source: string): ProtoFile {
  // Every declaration has one of these, and so has every entry of a reserved list.
  limitDeclarations(text.match(/[;,{]/g)?.length ?? 0, source);
  const parsed = parse(text, source);
  const messages = new Map<string, readonly FieldShape[]>();
  const enums = new Map<string, ReadonlyMap<string, number>>();
  const services = new Map<string, readonly MethodShape[]>();

  const visit = (parent: protobuf.NamespaceBase, path: readonly string[]) => {
    for (const object of parent.nestedArray) {
      const inner = [...path, identifier(object.name, source)];
      const name = inner.join('.');
      if (object instanceof protobuf.Type) {
        messages.set(
          name,
          object.fieldsArray.map((field) => fieldOf(field, name, source)),
        );
        visit(object, inner);
      } else if (object instanceof protobuf.Enum) {
        enums.set(name, new Map(Object.entries(object.values).map(([value, n]) => [identifier(value, source), n])));
      } else if (object instanceof protobuf.Service) {
        services.set(
          name,
          object.methodsArray.map((method) => methodOf(method, source)),
        );
      } else if (object instanceof protobuf.Namespace) visit(object, inner);
    }
  };
  visit(parsed.root, []);
  return { source, package: parsed.package ?? '', messages, enums, services };
}

function parse(text: string, source: string): protobuf.IParserResult {
  try {
    return protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const line = /\(line (\d+)\)/.exec(message)?.[1];
    const problem = message
      .replace(/ \(line \d+\)/, '')
      .slice(0, 200)
      .replace(/\p{Cc}/gu, '?');
    throw invalid(source, `not a .proto file: ${problem}`, line === undefined ? {} : { line: Number(line) });
  }
}

function fieldOf(field: protobuf.Field, message: string, source: string): FieldShape {
  const map = field instanceof protobuf.MapField ? field : undefined;
  const optional = field.getOption('proto3_optional') === true;
  return {
    number: fieldNumber(field.id, `${message}.${field.name}`, source),
    name: identifier(field.name, source),
    type: typeReference(field.type, source),
    ...(map ? { label: 'map' as const, key: map.keyType } : field.repeated && { label: 'repeated' as const }),
    ...(optional ? { optional: true as const } : field.partOf && { oneof: field.partOf.name }),
  };
}

function methodOf(method: protobuf.Method, source: string): MethodShape {
  return {
    name: identifier(method.name, source),
    request: typeReference(method.requestType, source),
    ...(method.requestStream && { requestStream: true as const }),
    response: typeReference(method.responseType, source),
    ...(method.responseStream && { responseStream: true as const }),
  };
}
