const powersOfTen = Array.from({ length: 23 }, (_, power) => 10 ** power);
const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);

/**
 * `mantissa` times ten to the power of `scale`, correctly rounded to a double, or with `single` to what `Math.fround` turns
 * into the nearest binary32; -1 where that cannot be told from these. `mantissa`: `digits` digits gathered in a double.
 *
 * With at most 15 of them and a power of ten up to 22 one multiplication or division is exact (Clinger 1990). A binary32
 * needs less: up to 19 digits err by 8 units in the last place at the most, and three steps of scaling by 3 more, which
 * decides nothing unless the double lies next to the middle between two binary32 values.
 */
export function valueOfDigits(mantissa: number, digits: number, scale: number, single: boolean): number {
  if (digits > 19 || (digits > 15 && !single)) return -1;
  if (scale >= -22 && scale <= 22) {
    const value = scale < 0 ? mantissa / powersOfTen[-scale]! : mantissa * powersOfTen[scale]!;
    return digits <= 15 || roundsSafely(value) ? value : -1;
  }
  if (!single || scale < -66 || scale > 66) return -1;
  const value = scaled(mantissa, scale);
  return roundsSafely(value) ? value : -1;
}

/** `mantissa` times ten to the power of `scale`, by powers that doubles hold exactly. */
function scaled(mantissa: number, scale: number): number {
  let value = mantissa;
  let left = scale;
  for (; left > 22; left -= 22) value *= 1e22;
  for (; left < -22; left += 22) value /= 1e22;
  return left < 0 ? value / powersOfTen[-left]! : value * powersOfTen[left]!;
}

/** Whether a double a few units off still rounds to the right binary32: 29 bits are dropped, half of them is the edge. */
function roundsSafely(value: number): boolean {
  if (value < 1.2e-38) return false;
  float64[0] = value;
  const dropped = words[0]! & 0x1fffffff;
  return dropped < 0x0ffffff0 || dropped > 0x10000010;
}
