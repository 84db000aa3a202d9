import type { FieldSpec, SchemaTable } from '../../config/index.ts';
import { type DescribedFile, describeFiles } from './descriptors.ts';
import { Codecs } from './message-codec.ts';

const one = (number: number, name: string, type: string, oneof?: string): FieldSpec =>
  oneof ? { number, name, type, oneof, doc: '' } : { number, name, type, doc: '' };
const list = (number: number, name: string, type: string): FieldSpec => ({
  ...one(number, name, type),
  label: 'repeated',
});

/** Messages of gRPC's server reflection; v1 and v1alpha are the same on the wire. */
const table: SchemaTable = {
  enums: {},
  messages: {
    ServerReflectionRequest: [
      one(1, 'host', 'string'),
      one(3, 'file_by_filename', 'string', 'request'),
      one(4, 'file_containing_symbol', 'string', 'request'),
      one(5, 'file_containing_extension', 'ExtensionRequest', 'request'),
      one(6, 'all_extension_numbers_of_type', 'string', 'request'),
      one(7, 'list_services', 'string', 'request'),
    ],
    ExtensionRequest: [one(1, 'containing_type', 'string'), one(2, 'extension_number', 'int32')],
    ServerReflectionResponse: [
      one(1, 'valid_host', 'string'),
      one(2, 'original_request', 'ServerReflectionRequest'),
      one(4, 'file_descriptor_response', 'FileDescriptorResponse', 'response'),
      one(5, 'all_extension_numbers_response', 'ExtensionNumberResponse', 'response'),
      one(6, 'list_services_response', 'ListServiceResponse', 'response'),
      one(7, 'error_response', 'ErrorResponse', 'response'),
    ],
    FileDescriptorResponse: [list(1, 'file_descriptor_proto', 'bytes')],
    ExtensionNumberResponse: [one(1, 'base_type_name', 'string'), list(2, 'extension_number', 'int32')],
    ListServiceResponse: [list(1, 'service', 'ServiceResponse')],
    ServiceResponse: [one(1, 'name', 'string')],
    ErrorResponse: [one(1, 'error_code', 'int32'), one(2, 'error_message', 'string')],
  },
};
const codecs = new Codecs([table]);
const requestCodec = codecs.of('ServerReflectionRequest');
const responseCodec = codecs.of('ServerReflectionResponse');

const notFound = 5;

let described: Described | undefined;

interface Described {
  readonly byName: ReadonlyMap<string, DescribedFile>;
  readonly bySymbol: ReadonlyMap<string, DescribedFile>;
}

/** Answers one message of server reflection about the services that are served. Throws REQUEST_MALFORMED. */
export function answerReflection(message: Uint8Array, services: readonly string[]): Uint8Array {
  const request = requestCodec.decode(message);
  return responseCodec.encode({
    valid_host: request.host,
    original_request: request,
    ...answer(request, services),
  });
}

function answer(request: Record<string, unknown>, services: readonly string[]): object {
  described ??= describeAll();
  if (request.list_services !== undefined) {
    return { list_services_response: { service: services.map((name) => ({ name })) } };
  }
  if (request.file_by_filename !== undefined) {
    return files(described.byName.get(request.file_by_filename as string), request.file_by_filename as string);
  }
  if (request.file_containing_symbol !== undefined) {
    const symbol = request.file_containing_symbol as string;
    return files(described.bySymbol.get(symbol), symbol);
  }
  if (request.all_extension_numbers_of_type !== undefined) {
    const type = request.all_extension_numbers_of_type as string;
    if (described.bySymbol.has(type)) return { all_extension_numbers_response: { base_type_name: type } };
    return failure(type);
  }
  return failure('extensions: proto3 has none');
}

/** A file with everything that it imports. */
function files(file: DescribedFile | undefined, asked: string): object {
  if (!file) return failure(asked);
  const dependencies = file.dependencies.map((name) => described!.byName.get(name)!);
  const protos = [file, ...dependencies].map(({ bytes }) => bytes);
  return { file_descriptor_response: { file_descriptor_proto: protos } };
}

function failure(asked: string): object {
  return { error_response: { error_code: notFound, error_message: `not found: ${asked}` } };
}

function describeAll(): Described {
  const all = describeFiles();
  return {
    byName: new Map(all.map((file) => [file.name, file])),
    bySymbol: new Map(all.flatMap((file) => file.symbols.map((symbol) => [symbol, file] as const))),
  };
}
