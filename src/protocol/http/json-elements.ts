import { ConchError } from '../../base/index.ts';
import { type Datatype, datatypes, elementCount, newFloats, type TensorData } from '../../tensor/index.ts';
import type { JsonReader } from './json-reader.ts';

/** Arrays may be nested in any way, but only this deep (Triton's HTTP_MAX_JSON_NESTING_DEPTH). */
const maxNesting = 100;

/** Takes one element after the other from a reader. */
interface Sink {
  take(reader: JsonReader): void;
  /** Elements taken so far. */
  index: number;
  readonly data: TensorData;
}

/**
 * Reads the `data` array of a tensor into its typed array. Only the number of elements has to fit `shape`. Element
 * rules are Triton's: BOOL needs true and false, integer types need integers and wrap what is out of range, BYTES needs
 * strings, FP16 and BF16 cannot travel as JSON. `maxBytes` bounds what the tensor may decode to.
 */
export function readElements(
  reader: JsonReader,
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  maxBytes: number,
): TensorData {
  if (datatype === 'FP16' || datatype === 'BF16') throw binaryOnly(name, datatype);
  const count = elementCount(shape);
  const size = datatypes[datatype].size || 4;
  if (count * size > maxBytes) {
    throw new ConchError(
      'REQUEST_TOO_LARGE',
      `tensor '${name}': shape [${shape}] of ${datatype} needs ${count * size} bytes, the limit is ${maxBytes}`,
      { where: { path: name }, fix: 'raise --http-max-input-size' },
    );
  }
  const start = reader.position;
  // A shape that the text cannot fill gets no memory.
  const room = Math.min(count, reader.end - start);
  const sink = createSink(datatype, room, maxBytes, name);
  const found = walk(reader, sink, name, count);
  if (found !== count) {
    reader.fail(`'data' of tensor '${name}' has ${found} elements, shape [${shape}] needs ${count},`, start);
  }
  return sink.data;
}

/** Reads one element that stands alone, without an array around it. */
export function readElement(reader: JsonReader, name: string, datatype: Datatype, maxBytes: number): TensorData {
  if (datatype === 'FP16' || datatype === 'BF16') throw binaryOnly(name, datatype);
  const sink = createSink(datatype, 1, maxBytes, name);
  sink.take(reader);
  return sink.data;
}

function binaryOnly(name: string, datatype: Datatype): ConchError {
  return new ConchError('REQUEST_INVALID', `tensor '${name}': ${datatype} cannot be sent as JSON`, {
    where: { path: name },
    fix: 'send it as binary data',
  });
}

/** Feeds every element, whatever the nesting, to `sink`; their number. Past `count` they are only counted. */
function walk(reader: JsonReader, sink: Sink, name: string, count: number): number {
  reader.open('array', "'data'");
  let depth = 1;
  let first = true;
  let surplus = 0;
  for (;;) {
    if (!reader.nextElement(first)) {
      if (--depth === 0) return sink.index + surplus;
      first = false;
      continue;
    }
    if (depth >= maxNesting) {
      throw new ConchError(
        'REQUEST_INVALID',
        `tensor '${name}': 'data' is nested more than ${maxNesting - 1} levels deep`,
      );
    }
    first = reader.peek() === 0x5b;
    if (first) {
      depth++;
      reader.position++;
    } else if (sink.index < count) {
      sink.take(reader);
    } else {
      surplus++;
      reader.skipValue();
    }
  }
}

function createSink(datatype: Datatype, count: number, maxBytes: number, name: string): Sink {
  switch (datatype) {
    case 'BOOL':
      return new Booleans(count);
    case 'FP32':
      return new Floats(count);
    case 'FP64':
      return new Doubles(count);
    case 'INT64':
      return new Integers64(new BigInt64Array(count), true);
    case 'UINT64':
      return new Integers64(new BigUint64Array(count), false);
    case 'BYTES':
      return new Strings(maxBytes, name);
    default: {
      const { array } = datatypes[datatype];
      return new Integers(new array(count) as Int32Array, datatype.startsWith('INT'));
    }
  }
}

class Booleans implements Sink {
  index = 0;
  readonly data: Uint8Array;
  constructor(count: number) {
    this.data = new Uint8Array(count);
  }
  take(reader: JsonReader): void {
    this.data[this.index++] = reader.readBoolean('a BOOL element') ? 1 : 0;
  }
}

class Floats implements Sink {
  index = 0;
  readonly data: Float32Array;
  constructor(count: number) {
    this.data = newFloats(count);
  }
  take(reader: JsonReader): void {
    this.data[this.index++] = reader.readFloat32('an FP32 element');
  }
}

class Doubles implements Sink {
  index = 0;
  readonly data: Float64Array;
  constructor(count: number) {
    this.data = new Float64Array(count);
  }
  take(reader: JsonReader): void {
    this.data[this.index++] = reader.readNumber('an FP64 element');
  }
}

/** Eight to 32 bits. Storing wraps, as Triton's casts do. */
class Integers implements Sink {
  index = 0;
  readonly data: Int32Array;
  private readonly signed: boolean;
  constructor(data: Int32Array, signed: boolean) {
    this.data = data;
    this.signed = signed;
  }
  take(reader: JsonReader): void {
    const value = readIntegerElement(reader, this.signed);
    this.data[this.index++] = typeof value === 'number' ? value : Number(BigInt.asIntN(32, value));
  }
}

/** 64 bits, written as two words: making a bigint of every element would take ten times as long. */
class Integers64 implements Sink {
  index = 0;
  readonly data: BigInt64Array | BigUint64Array;
  private readonly words: Int32Array;
  private readonly signed: boolean;
  constructor(data: BigInt64Array | BigUint64Array, signed: boolean) {
    this.data = data;
    this.words = new Int32Array(data.buffer);
    this.signed = signed;
  }
  take(reader: JsonReader): void {
    const value = readIntegerElement(reader, this.signed);
    const index = this.index++;
    if (typeof value === 'bigint') {
      this.data[index] = value;
    } else {
      this.words[2 * index] = value | 0;
      this.words[2 * index + 1] = Math.floor(value / 0x100000000) | 0;
    }
  }
}

function readIntegerElement(reader: JsonReader, signed: boolean): number | bigint {
  if (!signed) return reader.readUnsigned('an unsigned element');
  const value = reader.readInteger('an integer element');
  if (typeof value === 'bigint' && value >= 2n ** 63n) reader.fail(`${value} does not fit 64 bits with sign`);
  return value;
}

/** BYTES elements in their wire form: 4 bytes of length, then the string's own bytes, never decoded on the way. */
class Strings implements Sink {
  index = 0;
  private bytes = new Uint8Array(64);
  private used = 0;
  private readonly maxBytes: number;
  private readonly name: string;
  constructor(maxBytes: number, name: string) {
    this.maxBytes = maxBytes;
    this.name = name;
  }
  get data(): Uint8Array {
    return this.bytes.subarray(0, this.used);
  }
  take(reader: JsonReader): void {
    if (reader.peek() !== 0x22) reader.readString('a BYTES element');
    const start = reader.position;
    const length = reader.skipString();
    const end = reader.position;
    const needed = this.used + 4 + length;
    if (needed > this.maxBytes) {
      throw new ConchError(
        'REQUEST_TOO_LARGE',
        `tensor '${this.name}': its strings need more than the limit of ${this.maxBytes} bytes`,
        { where: { path: this.name }, fix: 'raise --http-max-input-size' },
      );
    }
    if (needed > this.bytes.length) this.grow(needed);
    const { bytes, used } = this;
    bytes[used] = length & 0xff;
    bytes[used + 1] = (length >>> 8) & 0xff;
    bytes[used + 2] = (length >>> 16) & 0xff;
    bytes[used + 3] = length >>> 24;
    if (end - start - 2 === length) {
      bytes.set(reader.bytes.subarray(start + 1, end - 1), used + 4);
    } else {
      reader.position = start;
      reader.copyString(bytes, used + 4);
    }
    this.used = needed;
    this.index++;
  }
  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}
