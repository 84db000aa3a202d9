/** Least and greatest value of each integer type. Beyond the safe numbers only int64 and uint64 reach. */
export const integerRanges = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

/** A 64-bit value in the form of the types: a number while it is safe, a bigint beyond. */
export function toInt64(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The shortest decimal that stands for the same 32-bit float: 0.1 rather than 0.10000000149011612. */
export function shortestFloat(value: number): number {
  const float = Math.fround(value);
  if (!Number.isFinite(float) || float === 0) return float;
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(float.toPrecision(digits));
    if (Math.fround(shorter) === float) return shorter;
  }
  return Number(float.toPrecision(9));
}
