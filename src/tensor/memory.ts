// V8 keeps a small typed array on its own heap and moves it out when a native module asks where it lies, which costs a
// small model as much as reading its input. Part of an array buffer lies outside from the start.

/** Bytes that arrays share, and up to which they do: one that is kept for long keeps no more than that. */
const blockBytes = 4096;
const mostBytes = 256;
let block = new ArrayBuffer(blockBytes);
let used = 0;

/** `count` zeros that are to be handed to a native module. Small ones lie in a buffer with others, so it must not be transferred. */
export function newFloats(count: number): Float32Array<ArrayBuffer> {
  const bytes = 4 * count;
  if (bytes > mostBytes) return new Float32Array(count);
  if (used + bytes > blockBytes) {
    block = new ArrayBuffer(blockBytes);
    used = 0;
  }
  const floats = new Float32Array(block, used, count);
  // At a multiple of 8, as every array of its own.
  used += (bytes + 7) & ~7;
  return floats;
}
