const encoder = new TextEncoder();

/** Grows a byte buffer with protobuf fields; messages are nested by writing the inner one first. */
export class ProtoWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** A view of what was written so far. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** int32, int64, uint64 or enum; negative numbers take ten bytes, as protobuf wants them. */
  integer(field: number, value: number | bigint): this {
    this.#varint(field * 8);
    return this.#varint(value);
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  text(field: number, value: string): this {
    return this.message(field, encoder.encode(value));
  }

  message(field: number, content: Uint8Array | ProtoWriter): this {
    const bytes = content instanceof ProtoWriter ? content.bytes : content;
    this.head(field, bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Only tag and length of a length-delimited field whose `length` bytes the caller writes elsewhere. */
  head(field: number, length: number): this {
    this.#varint(field * 8 + 2);
    return this.#varint(length);
  }

  #varint(value: number | bigint): this {
    this.#reserve(10);
    if (typeof value === 'bigint' || value < 0) {
      let rest = BigInt.asUintN(64, BigInt(value));
      while (rest > 0x7fn) {
        this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
        rest >>= 7n;
      }
      this.#bytes[this.#length++] = Number(rest);
      return this;
    }
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.bytes);
    this.#bytes = grown;
  }
}
