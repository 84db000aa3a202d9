import { decodeHuffman } from './huffman.ts';

/** RFC 7541, appendix A. */
const staticTable: readonly (readonly [name: string, value: string])[] = (
  ':authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|' +
  ':status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|' +
  'accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|' +
  'content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|' +
  'cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|' +
  'last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|' +
  'server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate'
)
  .split('|')
  .map((entry) => {
    const equals = entry.indexOf('=');
    return equals === -1 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
  });

/** Of the dynamic table, in HPACK's reckoning: 32 bytes and the texts for each entry. */
const tableBytes = 4096;

/** A block that cannot be read: the connection cannot go on, as both sides no longer agree on the table. */
export class HpackError extends Error {
  override readonly name = 'HpackError';
}

export type Headers = ReadonlyMap<string, string>;

interface Block {
  readonly bytes: Uint8Array;
  readonly headers: Headers;
}

/**
 * Reads the header blocks of one connection. Equal names are joined with commas. Clients send the same headers again and
 * again; a block that is the last one once more, and only points into the table, is not read twice.
 */
export class HpackDecoder {
  readonly #maxListBytes: number;
  /** Newest first in HPACK's count, so from the end. */
  #entries: (readonly [name: string, value: string])[] = [];
  #size = 0;
  #limit = tableBytes;
  #last: Block | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #end = 0;
  #changed = false;
  #flaw: string | undefined;

  /** `maxListBytes` bounds the headers of one block, in the same reckoning as the table. */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /** Why the block that was read last is malformed, as far as single fields and their order tell (RFC 9113, 8.2 and 8.3). */
  get flaw(): string | undefined {
    return this.#flaw;
  }

  /** The headers of a block; undefined where they are too many (they are read all the same). Throws HpackError. */
  decode(bytes: Uint8Array): Headers | undefined {
    const last = this.#last;
    if (last && last.bytes.length === bytes.length && Buffer.compare(last.bytes, bytes) === 0) return last.headers;
    this.#bytes = bytes;
    this.#position = 0;
    this.#end = bytes.length;
    this.#changed = false;
    const headers = new Map<string, string>();
    let size = 0;
    let regular = false;
    this.#flaw = undefined;
    while (this.#position < this.#end) {
      const field = this.#field(headers.size === 0);
      if (!field) continue;
      const [name, value] = field;
      size += 32 + name.length + value.length;
      if (size > this.#maxListBytes) continue;
      const isPseudo = name.charCodeAt(0) === 0x3a;
      if (!isPseudo) regular = true;
      else if (regular || headers.has(name)) this.#flaw = `'${name}' stands twice or after a header`;
      if (/[A-Z]/.test(name)) this.#flaw = `'${name}' is not in lower case`;
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
    }
    this.#bytes = bytes.subarray(0, 0);
    if (size > this.#maxListBytes) return undefined;
    if (this.#changed || this.#flaw !== undefined) this.#last = undefined;
    else this.#last = { bytes: Uint8Array.prototype.slice.call(bytes), headers };
    return headers;
  }

  /** One field; undefined for a change of the table's size. */
  #field(isFirst: boolean): readonly [string, string] | undefined {
    const byte = this.#bytes[this.#position]!;
    if (byte >= 0x80) return this.#entry(this.#integer(7));
    if (byte >= 0x40) {
      const field = this.#literal(this.#integer(6));
      this.#insert(field);
      return field;
    }
    if (byte >= 0x20) {
      const size = this.#integer(5);
      if (!isFirst) throw new HpackError('the table changes its size amid a block');
      if (size > tableBytes) throw new HpackError(`a table of ${size} bytes was asked for, ${tableBytes} are allowed`);
      this.#limit = size;
      this.#changed = true;
      this.#evict();
      return undefined;
    }
    return this.#literal(this.#integer(4));
  }

  #literal(index: number): readonly [string, string] {
    const name = index === 0 ? this.#text() : this.#entry(index)[0];
    return [name, this.#text()];
  }

  #entry(index: number): readonly [string, string] {
    if (index === 0) throw new HpackError('index 0 names no entry');
    const entry =
      index <= staticTable.length
        ? staticTable[index - 1]
        : this.#entries[this.#entries.length - (index - staticTable.length)];
    if (!entry) throw new HpackError(`index ${index} is beyond the table`);
    return entry;
  }

  #insert(field: readonly [string, string]): void {
    this.#changed = true;
    this.#entries.push(field);
    this.#size += 32 + field[0].length + field[1].length;
    this.#evict();
  }

  #evict(): void {
    let gone = 0;
    while (this.#size > this.#limit) {
      const [name, value] = this.#entries[gone++]!;
      this.#size -= 32 + name.length + value.length;
    }
    if (gone > 0) this.#entries = this.#entries.slice(gone);
  }

  #integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#byte() & most;
    if (value < most) return value;
    for (let shift = 0; ; shift += 7) {
      if (shift > 21) throw new HpackError('an integer is too large');
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  #text(): string {
    if (this.#position >= this.#end) throw new HpackError('a block is cut off');
    const isHuffman = this.#bytes[this.#position]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#position;
    const stop = start + length;
    if (stop > this.#end) throw new HpackError(`a text of ${length} bytes is cut off`);
    this.#position = stop;
    if (!isHuffman) return Buffer.prototype.latin1Slice.call(this.#bytes, start, stop);
    const text = decodeHuffman(this.#bytes, start, stop);
    if (text === undefined) throw new HpackError('a text is not Huffman code');
    return text;
  }

  #byte(): number {
    if (this.#position >= this.#end) throw new HpackError('a block is cut off');
    return this.#bytes[this.#position++]!;
  }
}

/**
 * A header block without the tables: a few bytes longer, but the same for every client, so that the usual ones can be
 * made once. `:status` must be 200.
 */
export function encodeBlock(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of headers) {
    if (name === ':status' && value === '200') parts.push(Buffer.of(0x88));
    else parts.push(Buffer.of(0), textOf(name), textOf(value));
  }
  return Buffer.concat(parts);
}

function textOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const head = [127];
  let rest = bytes.length - 127;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) head.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...head, rest]), bytes]);
}
