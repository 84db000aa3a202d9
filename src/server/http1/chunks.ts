import { notHttp, Refusal } from './refusal.ts';

/** Bytes of all chunk extensions, and of all trailers, that a body may have. Nobody reads them. */
const maxIgnoredBytes = 16_384;
const maxSizeDigits = 12;

const lf = 0x0a;
const cr = 0x0d;
const semicolon = 0x3b;

type Part = 'size' | 'extension' | 'size-end' | 'data' | 'data-cr' | 'data-lf' | 'trailer-start' | 'trailer' | 'done';

/** Takes the framing off a chunked body (RFC 9112, 7.1), however its bytes are cut up on the way. */
export class ChunkReader {
  /** Chunks with data in them so far. */
  count = 0;
  private part: Part = 'size';
  private size = 0;
  private digits = 0;
  private ignored = 0;
  private left = 0;
  /** A trailer's last byte was CR; a lone CR or LF ends nothing and is refused. */
  private afterCr = false;

  get isDone(): boolean {
    return this.part === 'done';
  }

  /**
   * Reads from `position`; hands data to `take` as ranges of `bytes`. The position behind what was used: the end, or
   * that of the body. Throws a Refusal.
   */
  read(bytes: Uint8Array, position: number, take: (start: number, end: number) => void): number {
    while (position < bytes.length && this.part !== 'done') {
      if (this.part === 'data') {
        const end = Math.min(bytes.length, position + this.left);
        take(position, end);
        this.left -= end - position;
        position = end;
        if (this.left === 0) this.part = 'data-cr';
      } else this.step(bytes[position++]!);
    }
    return position;
  }

  /** One byte of framing. */
  private step(byte: number): void {
    switch (this.part) {
      case 'size':
        this.sizeByte(byte);
        return;
      case 'extension':
        if (byte === cr) this.part = 'size-end';
        else this.ignore(byte, 413, 'the chunk extensions are too long');
        return;
      case 'size-end':
        if (byte !== lf) throw notHttp();
        this.startChunk();
        return;
      case 'data-cr':
        if (byte !== cr) throw notHttp();
        this.part = 'data-lf';
        return;
      case 'data-lf':
        if (byte !== lf) throw notHttp();
        this.part = 'size';
        return;
      case 'trailer-start':
      case 'trailer':
        this.trailerByte(byte);
    }
  }

  private sizeByte(byte: number): void {
    const digit = hexValue(byte);
    if (digit >= 0) {
      if (++this.digits > maxSizeDigits) throw notHttp();
      this.size = this.size * 16 + digit;
      return;
    }
    if (this.digits === 0) throw notHttp();
    if (byte === cr) this.part = 'size-end';
    else if (byte === semicolon) this.part = 'extension';
    else throw notHttp();
  }

  private startChunk(): void {
    this.left = this.size;
    this.part = this.size === 0 ? 'trailer-start' : 'data';
    if (this.size === 0) this.ignored = 0;
    else this.count++;
    this.size = 0;
    this.digits = 0;
  }

  private trailerByte(byte: number): void {
    if (this.afterCr) {
      if (byte !== lf) throw notHttp();
      this.afterCr = false;
      this.part = this.part === 'trailer-start' ? 'done' : 'trailer-start';
    } else if (byte === cr) this.afterCr = true;
    else {
      this.part = 'trailer';
      this.ignore(byte, 431, 'the trailers are too long');
    }
  }

  private ignore(byte: number, status: number, reason: string): void {
    if ((byte < 0x20 && byte !== 0x09) || byte === 0x7f) throw notHttp();
    if (++this.ignored > maxIgnoredBytes) throw new Refusal(status, reason);
  }
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
