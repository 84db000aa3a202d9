import { chunkBytes, openWeights, readFully, readRange } from '../weights-file.ts';
import { invalid, unsupported } from './refusal.ts';
import type { TensorView } from './state-dict.ts';

/** A view whose elements do not follow each other is gathered in memory from the part of its storage that it spans. */
const largestSpan = 4 * 2 ** 30;

/** A view's elements row by row, little-endian, in chunks of whole elements; each is valid until the next. */
export async function* readView(path: string, view: TensorView, bigEndian: boolean): AsyncGenerator<Uint8Array> {
  const { offset, span: length, name, elements } = view;
  const chunks = isContiguous(view) ? readRange(path, { offset, length }, name, invalid) : gather(path, view);
  for await (const chunk of chunks) {
    if (bigEndian) swap(chunk, elements.dtype.startsWith('C') ? elements.size / 2 : elements.size);
    yield chunk;
  }
}

function isContiguous({ shape, strides }: TensorView): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return shape.includes(0);
    expected *= shape[axis]!;
  }
  return true;
}

async function* gather(path: string, view: TensorView): AsyncGenerator<Buffer> {
  const { name, offset, span, elements } = view;
  if (span > largestSpan) {
    throw unsupported(path, `tensor '${name}' is spread over ${span} bytes; at most ${largestSpan} are gathered`, name);
  }
  const source = Buffer.allocUnsafe(span);
  const file = await openWeights(path, invalid);
  try {
    await readFully(file, source, offset, () => invalid(path, 'the file became shorter while it was read', name));
  } finally {
    await file.close();
  }
  const { size } = elements;
  const chunk = Buffer.from(new ArrayBuffer(chunkBytes));
  let filled = 0;
  for (const from of rows(view)) {
    for (let index = 0; index < from.count; index++) {
      if (filled + size > chunkBytes) {
        yield chunk.subarray(0, filled);
        filled = 0;
      }
      const at = (from.start + index * from.stride) * size;
      source.copy(chunk, filled, at, at + size);
      filled += size;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** The lines along the last dimension, in order: where each starts and what lies between its elements. */
function* rows({ shape, strides }: TensorView): Generator<{ start: number; count: number; stride: number }> {
  const outer = shape.slice(0, -1);
  const index = outer.map(() => 0);
  const [count, stride] = [shape.at(-1)!, strides.at(-1)!];
  for (let start = 0; ; ) {
    yield { start, count, stride };
    let axis = outer.length - 1;
    for (; axis >= 0; axis--) {
      start += strides[axis]!;
      if (++index[axis]! < outer[axis]!) break;
      start -= outer[axis]! * strides[axis]!;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

function swap(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else if (size === 8) bytes.swap64();
}
