import { deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type ContentCoding, chooseCoding, compress, decompress, parseContentEncoding } from '../index.ts';

const text = new TextEncoder().encode('{"inputs":[]}'.repeat(50));

test.each(['gzip', 'deflate'] as const)('%s goes both ways', async (coding) => {
  const packed = await compress(text, coding);
  expect(packed.length).toBeLessThan(text.length);
  expect(new Uint8Array(await decompress(packed, coding, 1000))).toEqual(text);
});

test('the data says whether it is gzip or zlib, whatever the header says', async () => {
  expect(new Uint8Array(await decompress(gzipSync(text), 'deflate', 1000))).toEqual(text);
  expect(new Uint8Array(await decompress(deflateSync(text), 'gzip', 1000))).toEqual(text);
});

test('a small body cannot become a large one', async () => {
  const bomb = gzipSync(new Uint8Array(10_000_000));
  await expect(decompress(bomb, 'gzip', 1_000_000)).rejects.toThrow(
    'the gzip body unpacks to more than the limit of 1000000 bytes',
  );
  await expect(decompress(bomb, 'gzip', 10_000_000)).resolves.toHaveLength(10_000_000);
});

test('broken and empty bodies are invalid', async () => {
  await expect(decompress(new Uint8Array(0), 'deflate', 10)).rejects.toThrow('the deflate body is empty');
  await expect(decompress(text, 'gzip', 1000)).rejects.toThrow(
    'the gzip body cannot be unpacked: incorrect header check',
  );
  await expect(decompress(gzipSync(text).subarray(0, 20), 'gzip', 1000)).rejects.toThrow('unexpected end of file');
});

test('Content-Encoding is one of four', () => {
  const none = [undefined, '', 'identity'].map(parseContentEncoding);
  expect(none).toEqual([undefined, undefined, undefined]);
  expect(parseContentEncoding('gzip')).toBe('gzip');
  expect(() => parseContentEncoding('br')).toThrow("Content-Encoding 'br' is not supported");
});

test.each<[string | undefined, ContentCoding | undefined]>([
  [undefined, undefined],
  ['', undefined],
  ['gzip', 'gzip'],
  ['deflate, gzip', 'deflate'],
  ['deflate;q=0.5, gzip', 'gzip'],
  ['gzip;q=0.2,deflate;q=0.3', 'deflate'],
  ['identity, gzip', undefined],
  ['identity;q=0.1, gzip;q=0.2', 'gzip'],
  ['gzip;q=0', undefined],
  ['gzip;q=x', undefined],
  ['br, zstd', undefined],
  ['br;q=1.0, gzip;q=0.8, *;q=0.1', 'gzip'],
])('Accept-Encoding %j means %j', (header, coding) => {
  expect(chooseCoding(header)).toBe(coding);
});
