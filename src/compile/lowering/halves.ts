/**
 * FP32 as FP16 patterns, to the nearest, ties to even; what is too large becomes the largest number and not infinity.
 * Whole arrays at some nanoseconds an element: a large model has hundreds of millions.
 */
export function toHalves(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) {
    const whole = bits[index]!;
    const sign = (whole >>> 16) & 0x8000;
    const magnitude = whole & 0x7fffffff;
    if (magnitude > 0x7f800000) halves[index] = 0x7e00;
    else if (magnitude >= 0x477ff000) halves[index] = sign | 0x7bff;
    else if (magnitude >= 0x38800000) {
      // The exponent's bias goes from 127 to 15; half of the last place, less the tie, rounds to even.
      halves[index] = sign | ((magnitude - 0x37fff001 + ((magnitude >>> 13) & 1)) >>> 13);
    } else {
      // Below 2^-14 a half is a multiple of 2^-24: added to 0.5, whose last place is that, the FPU rounds.
      single[0] = Math.abs(values[index]!) + 0.5;
      halves[index] = sign | (pattern[0]! - 0x3f000000);
    }
  }
  return halves;
}

const single = new Float32Array(1);
const pattern = new Uint32Array(single.buffer);
