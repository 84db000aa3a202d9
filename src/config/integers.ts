import type { Int64 } from './generated.ts';

/** A 64-bit field as a number: `fallback` (0 unless given) when absent, rounded when beyond 2^53. */
export function toInteger(value: Int64 | undefined, fallback = 0): number {
  return value === undefined ? fallback : Number(value);
}

/** A tensor's `dims` as numbers; `[]` when absent. -1 stands for a variable dimension. */
export function dimsOf(tensor: { readonly dims?: readonly Int64[] }): number[] {
  return (tensor.dims ?? []).map(Number);
}
