/** Writes pickles by hand, opcode by opcode, for what no honest program writes. */

export const bytes = (...parts: (string | number | Buffer)[]): Buffer =>
  Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(part, 'latin1');
      return typeof part === 'number' ? Buffer.from([part]) : part;
    }),
  );

export const text = (value: string): Buffer => bytes('X', uint32(Buffer.byteLength(value)), Buffer.from(value));
export const integer = (value: number): Buffer =>
  Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? bytes('J', int32(value)) : bytes('\x8a', 8, int64(value));
export const global = (module: string, name: string): Buffer => bytes(`c${module}\n${name}\n`);
export const tuple = (...items: Buffer[]): Buffer => bytes('(', ...items, 't');
export const call = (callee: Buffer, ...args: Buffer[]): Buffer => bytes(callee, tuple(...args), 'R');
export const dictionary = (entries: Readonly<Record<string, Buffer>>): Buffer =>
  bytes('}(', ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), 'u');
export const list = (...items: Buffer[]): Buffer => bytes('](', ...items, 'e');
export const pickle = (value: Buffer): Buffer => bytes('\x80\x02', value, '.');

export function storage(key: string, elements: number, type = 'FloatStorage', ...more: Buffer[]): Buffer {
  return bytes(tuple(text('storage'), global('torch', type), text(key), text('cpu'), integer(elements), ...more), 'Q');
}

export interface TensorParts {
  readonly storage?: Buffer;
  readonly offset?: number;
  readonly size?: readonly number[];
  readonly stride?: readonly number[];
  readonly rest?: readonly Buffer[];
}

export function tensor(parts: TensorParts = {}): Buffer {
  const { offset = 0, size = [2], stride = [1], rest = [] } = parts;
  return call(
    global('torch._utils', '_rebuild_tensor_v2'),
    parts.storage ?? storage('0', 2),
    integer(offset),
    tuple(...size.map(integer)),
    tuple(...stride.map(integer)),
    bytes('\x89'),
    bytes('}'),
    ...rest,
  );
}

/** The stream that torch.save wrote before 1.6, around the pickle of `value`. */
export function stream(
  value: Buffer,
  data: Readonly<Record<string, Float32Array>> = { 0: Float32Array.of(1, 2) },
): Buffer {
  const magic = bytes('\x8a\x0a', Buffer.from('6cfc9c46f9206aa85019', 'hex'));
  const keys = Object.keys(data);
  return bytes(
    pickle(magic),
    pickle(integer(1001)),
    pickle(dictionary({})),
    pickle(value),
    pickle(list(...keys.map(text))),
    ...keys.flatMap((key) => [int64(data[key]!.length), Buffer.from(data[key]!.buffer)]),
  );
}

/** The archive that torch.save writes, its members uncompressed. */
export function archive(members: Readonly<Record<string, Buffer>>, method = 0): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(members)) {
    const head = bytes('PK\x03\x04', Buffer.alloc(22), uint16(name.length), uint16(0), name);
    const sizes = bytes(uint32(content.length), uint32(content.length));
    const entry = bytes('PK\x01\x02', Buffer.alloc(6), uint16(method), Buffer.alloc(8), sizes, uint16(name.length));
    directory.push(bytes(entry, Buffer.alloc(12), uint32(offset), name));
    parts.push(head, content);
    offset += head.length + content.length;
  }
  const table = bytes(...directory);
  return bytes(...parts, table, 'PK\x05\x06', Buffer.alloc(8), uint32(table.length), uint32(offset), uint16(0));
}

export function uint16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
}

export function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function int32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32LE(value);
  return out;
}

export function int64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigInt64LE(BigInt(value));
  return out;
}
