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

const mostQuoted = 512;
const quotedTexts = new Map<string, string>();

/** `text` as a JSON string; for names of models and tensors, which come again and again. */
export function quotedName(text: string): string {
  let found = quotedTexts.get(text);
  if (found === undefined) {
    found = JSON.stringify(text);
    if (quotedTexts.size >= mostQuoted) quotedTexts.clear();
    quotedTexts.set(text, found);
  }
  return found;
}

const longest = 24;
const slots = 512;
const known: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = new Array(slots).fill(undefined);

/**
 * As `textOf`, for texts that come again and again: member names, tensor names, data types. A short one is looked up
 * by its bytes, four times as fast as making a new string; the table has a fixed size and newcomers replace.
 * `hash` is any number that depends on the bytes.
 */
export function knownText(bytes: Uint8Array, start: number, end: number, hash: number): string {
  const length = end - start;
  if (length > longest) return textOf(bytes, start, end);
  const slot = hash & (slots - 1);
  const entry = known[slot];
  if (entry !== undefined && entry.bytes.length === length) {
    let index = 0;
    while (index < length && entry.bytes[index] === bytes[start + index]) index++;
    if (index === length) return entry.text;
  }
  const text = textOf(bytes, start, end);
  known[slot] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), text };
  return text;
}
