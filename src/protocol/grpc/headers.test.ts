import { expect, test } from 'vitest';
import { decodeGrpcMessage, encodeGrpcMessage, formatGrpcTimeout, parseGrpcTimeout } from './headers.ts';

test.each([
  ['plain text', 'plain text'],
  ['100 % é\n', '100 %25 %C3%A9%0A'],
  ['', ''],
])('message %j travels as %j', (message, text) => {
  expect(encodeGrpcMessage(message)).toBe(text);
  expect(decodeGrpcMessage(text)).toBe(message);
});

test('a message that is badly encoded stays readable', () => {
  expect(decodeGrpcMessage('50% of %ZZ')).toBe('50% of %ZZ');
});

test.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3000],
  ['100m', 100],
  ['5u', 0.005],
  ['99999999n', 99.999999],
  ['123456789n', undefined],
  ['1', undefined],
  ['-1S', undefined],
  ['1.5S', undefined],
  ['1s', undefined],
])('timeout %s is %s ms', (header, milliseconds) => {
  const parsed = parseGrpcTimeout(header);
  if (milliseconds === undefined) expect(parsed).toBeUndefined();
  else expect(parsed).toBeCloseTo(milliseconds, 9);
});

test.each([
  [50, '50000000n'],
  [100, '100000u'],
  [3_600_000, '3600000m'],
  [1e15, '99999999H'],
  [-5, '0n'],
])('%s ms are written as %s', (milliseconds, header) => {
  expect(formatGrpcTimeout(milliseconds)).toBe(header);
});
