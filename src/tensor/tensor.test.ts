import { expect, test } from 'vitest';
import {
  bfloat16ToNumber,
  bytesOf,
  createTensor,
  datatypeFromConfig,
  datatypeFromOnnx,
  datatypeFromSafetensors,
  datatypes,
  decodeBytes,
  decodeStrings,
  encodeBytes,
  halfToNumber,
  numberToBfloat16,
  numberToHalf,
  stringTensor,
  viewBytes,
} from './index.ts';

test('every name of a type leads to the same row', () => {
  for (const row of Object.values(datatypes)) {
    expect(datatypeFromConfig(row.config)).toBe(row);
    expect(datatypeFromOnnx(row.onnx)).toBe(row);
    if (row.safetensors) expect(datatypeFromSafetensors(row.safetensors)).toBe(row);
    if (row.size) expect(row.array.BYTES_PER_ELEMENT).toBe(row.size);
  }
  expect(datatypeFromConfig('TYPE_INVALID')).toBeUndefined();
});

test('all 65536 half patterns survive a round trip', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = halfToNumber(bits);
    if (Number.isNaN(value)) expect(halfToNumber(numberToHalf(value))).toBeNaN();
    else if (numberToHalf(value) !== bits) throw new Error(`half ${bits.toString(16)} became ${numberToHalf(value)}`);
  }
});

test('halves round to nearest, ties to even', () => {
  expect(numberToHalf(1 + 1 / 2048)).toBe(0x3c00);
  expect(numberToHalf(1 + 3 / 2048)).toBe(0x3c02);
  expect(numberToHalf(65519)).toBe(0x7bff);
  expect(numberToHalf(65520)).toBe(0x7c00);
  expect(numberToHalf(-(2 ** -25))).toBe(0x8000);
  expect(numberToBfloat16(1 + 2 ** -8)).toBe(0x3f80);
  expect(bfloat16ToNumber(numberToBfloat16(-3.140625))).toBe(-3.140625);
});

test('BYTES framing round-trips and names the element that is cut', () => {
  const framed = encodeBytes(['Umsatz stieg um 5 €', '', new Uint8Array([0, 255])]);
  expect(decodeBytes(framed).map((part) => part.length)).toEqual([21, 0, 2]);
  expect(decodeStrings(encodeBytes(['a', '\uFEFFé']))).toEqual(['a', '\uFEFFé']);
  expect(() => decodeBytes(framed.subarray(0, framed.length - 1))).toThrow(
    'BYTES element 2: length 2, but 1 bytes follow',
  );
  expect(() => decodeBytes(new Uint8Array([1, 0]))).toThrow('BYTES element 0: 2 bytes left, its length needs 4');
});

test('views share memory when aligned and copy when not', () => {
  const bytes = new Uint8Array(new Float32Array([1, 2]).buffer);
  const view = viewBytes('FP32', bytes);
  expect(view.buffer).toBe(bytes.buffer);
  const shifted = new Uint8Array(9);
  shifted.set(bytes, 1);
  expect(Array.from(viewBytes('FP32', shifted.subarray(1)) as Float32Array)).toEqual([1, 2]);
  const buffer = Buffer.from(shifted.buffer, 1);
  expect(Array.from(viewBytes('FP32', buffer) as Float32Array)).toEqual([1, 2]);
  expect(() => viewBytes('INT64', new Uint8Array(12))).toThrow('12 bytes are not a whole number of INT64 elements');
});

test('a tensor must have as many elements as its shape', () => {
  expect(() => createTensor('x', 'FP32', [2, 3], new Float32Array(5))).toThrow(
    "tensor 'x': shape [2,3] needs 6 elements, got 5",
  );
  expect(() => stringTensor('t', [2], ['a'])).toThrow("tensor 't': shape [2] needs 2 elements, got 1");
  expect(bytesOf(createTensor('x', 'INT32', [1], new Int32Array([1])))).toEqual(new Uint8Array([1, 0, 0, 0]));
});
