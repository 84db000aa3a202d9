/**
 * Bytes to text and back. Node's Buffer is two to three times as fast on short texts as the web's TextDecoder, which
 * stands in where there is no Buffer.
 */
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const hasBuffer = typeof Buffer !== 'undefined';

/** UTF-8 text of `bytes[start, end)`; invalid sequences become U+FFFD. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (hasBuffer) return Buffer.prototype.utf8Slice.call(bytes, start, end);
  return decoder.decode(bytes.subarray(start, end));
}

export function bytesOfText(text: string): Uint8Array {
  return hasBuffer ? Buffer.from(text, 'utf8') : encoder.encode(text);
}

/** Length of `text` in UTF-8. */
export function textByteLength(text: string): number {
  return hasBuffer ? Buffer.byteLength(text, 'utf8') : encoder.encode(text).length;
}
