import { ConchError } from '../../base/index.ts';
import type { ParameterValue } from '../inference.ts';
import { type WireReader, wireTypes } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** A parameter as it travels: gRPC tells its types apart, and so do Triton's rules. */
export type WireParameter =
  | { readonly kind: 'bool_param'; readonly value: boolean }
  | { readonly kind: 'int64_param' | 'uint64_param'; readonly value: number | bigint }
  | { readonly kind: 'double_param'; readonly value: number }
  | { readonly kind: 'string_param'; readonly value: string }
  | { readonly kind: 'nothing'; readonly value: undefined };

export type WireParameters = Map<string, WireParameter>;

const nothing: WireParameter = { kind: 'nothing', value: undefined };

/** Bounds what a small message can make us build. */
const maxParameters = 65_536;

/** Reads one entry of a `map<string, InferParameter>`, the field that `reader` has just entered, into `parameters`. */
export function readParameter(reader: WireReader, parameters: WireParameters): void {
  const stop = reader.length();
  const { end } = reader;
  reader.end = stop;
  let key = '';
  let value = nothing;
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === wireTypes.bytes) key = reader.text();
    else if (reader.field === 2 && reader.wireType === wireTypes.bytes) value = readValue(reader, value);
    else reader.skip();
  }
  reader.end = end;
  parameters.set(key, value);
  if (parameters.size > maxParameters) reader.fail(`more than ${maxParameters} parameters`);
}

function readValue(reader: WireReader, before: WireParameter): WireParameter {
  const stop = reader.length();
  const { end } = reader;
  reader.end = stop;
  let parameter = before;
  while (reader.next()) {
    const { field, wireType } = reader;
    if (field === 1 && wireType === wireTypes.varint)
      parameter = { kind: 'bool_param', value: reader.int64(false) !== 0 };
    else if (field === 2 && wireType === wireTypes.varint)
      parameter = { kind: 'int64_param', value: reader.int64(true) };
    else if (field === 3 && wireType === wireTypes.bytes) parameter = { kind: 'string_param', value: reader.text() };
    else if (field === 4 && wireType === wireTypes.fixed64)
      parameter = { kind: 'double_param', value: reader.double() };
    else if (field === 5 && wireType === wireTypes.varint)
      parameter = { kind: 'uint64_param', value: reader.int64(false) };
    else reader.skip();
  }
  reader.end = end;
  return parameter;
}

/** Writes a map of parameters as field `field`. Whole numbers go as int64 where they fit, else as uint64. */
export function writeParameters(
  writer: WireWriter,
  field: number,
  parameters: Readonly<Record<string, ParameterValue>>,
): void {
  for (const key of Object.keys(parameters)) {
    const value = parameters[key];
    if (value === undefined) continue;
    const entry = writer.open(field);
    writer.text(1, key);
    const choice = writer.open(2);
    writeValue(writer, value);
    writer.close(choice);
    writer.close(entry);
  }
}

function writeValue(writer: WireWriter, value: ParameterValue): void {
  if (typeof value === 'string') writer.text(3, value);
  else if (typeof value === 'boolean') {
    writer.tag(1, wireTypes.varint);
    writer.varint(value ? 1 : 0);
  } else if (typeof value === 'bigint' ? true : Number.isSafeInteger(value) && !Object.is(value, -0)) {
    writer.tag(value > 2n ** 63n - 1n ? 5 : 2, wireTypes.varint);
    writer.varint(value);
  } else {
    writer.tag(4, wireTypes.fixed64);
    writer.double(value as number);
  }
}

/** A parameter that must be of one kind. Throws REQUEST_INVALID. */
export function expectKind<Kind extends WireParameter['kind']>(
  parameter: WireParameter,
  kind: Kind,
  subject: string,
): Extract<WireParameter, { kind: Kind }>['value'] | (WireParameter & { kind: Kind })['value'] {
  if (parameter.kind === kind) return parameter.value as never;
  throw wrongKind(parameter, kind, subject);
}

export function wrongKind(parameter: WireParameter, expected: string, subject: string): ConchError {
  return new ConchError('REQUEST_INVALID', `${subject} must be ${expected}, got ${parameter.kind}`);
}
