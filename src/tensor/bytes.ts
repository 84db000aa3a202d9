import { ConchError } from '../base/index.ts';
import { elementCount, type Tensor } from './tensor.ts';

const encoder = new TextEncoder();
// Without ignoreBOM a leading U+FEFF would vanish from the text.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Frames elements as a BYTES tensor travels: a 4-byte little-endian length before each one. Text becomes UTF-8. */
export function encodeBytes(elements: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = elements.map((element) => (typeof element === 'string' ? encoder.encode(element) : element));
  const out = new Uint8Array(parts.reduce((total, part) => total + 4 + part.length, 0));
  const view = new DataView(out.buffer);
  let offset = 0;
  for (const part of parts) {
    view.setUint32(offset, part.length, true);
    out.set(part, offset + 4);
    offset += 4 + part.length;
  }
  return out;
}

/** The elements of a framed BYTES buffer, as views; throws REQUEST_INVALID when a length runs past the end. */
export function decodeBytes(framed: Uint8Array): Uint8Array[] {
  const view = new DataView(framed.buffer, framed.byteOffset, framed.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < framed.length) {
    const index = elements.length;
    if (offset + 4 > framed.length) {
      throw new ConchError(
        'REQUEST_INVALID',
        `BYTES element ${index}: ${framed.length - offset} bytes left, its length needs 4`,
      );
    }
    const length = view.getUint32(offset, true);
    const end = offset + 4 + length;
    if (end > framed.length) {
      throw new ConchError(
        'REQUEST_INVALID',
        `BYTES element ${index}: length ${length}, but ${framed.length - offset - 4} bytes follow`,
      );
    }
    elements.push(framed.subarray(offset + 4, end));
    offset = end;
  }
  return elements;
}

export function decodeStrings(framed: Uint8Array): string[] {
  return decodeBytes(framed).map((element) => decoder.decode(element));
}

/** A BYTES tensor of strings. */
export function stringTensor(name: string, shape: readonly number[], elements: readonly string[]): Tensor {
  if (elements.length !== elementCount(shape)) {
    throw new ConchError(
      'REQUEST_INVALID',
      `tensor '${name}': shape [${shape}] needs ${elementCount(shape)} elements, got ${elements.length}`,
    );
  }
  return { name, datatype: 'BYTES', shape, data: encodeBytes(elements) };
}
