import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { seeded } from '../../../../test/random.ts';
import { headBytes, preface } from './frames.ts';
import { encodeBlock, HpackDecoder } from './hpack.ts';
import { decodeHuffman } from './huffman.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const shown = (headers: ReadonlyMap<string, string> | undefined) => headers && Object.fromEntries(headers);

test('the examples of RFC 7541 (C.3 and C.4): three requests on one connection', () => {
  const plain = ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', '8286 84be 5808 6e6f 2d63 6163 6865'];
  const custom = '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65';
  const huffman = ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', '8286 84be 5886 a8eb 1064 9cbf'];
  const customHuffman = '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf';
  const base = { ':method': 'GET', ':scheme': 'http', ':path': '/', ':authority': 'www.example.com' };
  for (const blocks of [
    [...plain, custom],
    [...huffman, customHuffman],
  ]) {
    const decoder = new HpackDecoder(4096);
    expect(blocks.map((block) => shown(decoder.decode(hex(block))))).toEqual([
      base,
      { ...base, 'cache-control': 'no-cache' },
      { ...base, ':scheme': 'https', ':path': '/index.html', 'custom-key': 'custom-value' },
    ]);
  }
});

test('whatever Node sends, evictions included, comes out as it was', async () => {
  const random = seeded(3);
  const below = (limit: number) => Math.floor(random() * limit);
  const text = (length: number) => String.fromCharCode(...Array.from({ length }, () => 33 + below(94)));
  const sent = Array.from(
    { length: 200 },
    (): OutgoingHttpHeaders => ({
      ':method': 'POST',
      ':path': `/${text(below(40))}`,
      [`x-${below(20)}`]: text(1 + below(300)),
      'x-same': 'always the same value',
    }),
  );
  const blocks: Buffer[] = [];
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    let begun = false;
    socket.write(Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0));
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!begun && bytes.length >= preface.length) {
        begun = true;
        bytes = bytes.subarray(preface.length);
      }
      while (begun && bytes.length >= headBytes) {
        const end = headBytes + bytes.readUIntBE(0, 3);
        if (bytes.length < end) return;
        // HEADERS: with a priority where Node sends one.
        if (bytes[3] === 1) blocks.push(Buffer.from(bytes.subarray(headBytes + (bytes[4]! & 0x20 ? 5 : 0), end)));
        bytes = bytes.subarray(end);
        if (blocks.length === sent.length) socket.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    peerMaxConcurrentStreams: 1000,
  });
  session.on('error', () => {});
  const closed = new Promise((resolve) => session.once('close', resolve));
  for (const headers of sent) session.request(headers).on('error', () => {});
  await closed;
  server.close();
  const decoder = new HpackDecoder(16_384);
  expect(blocks.map((block) => shown(decoder.decode(block)))).toEqual(
    sent.map((headers) => expect.objectContaining(headers)),
  );
});

test('a block that only points is not read twice, one that changes the table is', () => {
  const decoder = new HpackDecoder(4096);
  const inserted = decoder.decode(hex('40 01 61 01 62'));
  expect(shown(inserted)).toEqual({ a: 'b' });
  const first = decoder.decode(hex('be'));
  expect(decoder.decode(hex('be'))).toBe(first);
  decoder.decode(hex('40 01 61 01 63'));
  expect(shown(decoder.decode(hex('be')))).toEqual({ a: 'c' });
});

test('equal names are joined', () => {
  expect(shown(new HpackDecoder(4096).decode(hex('00 01 61 01 62 00 01 61 01 63')))).toEqual({ a: 'b, c' });
});

test.each([
  ['an index beyond the table', 'be', 'index 62 is beyond the table'],
  ['index 0', '80', 'index 0 names no entry'],
  ['a cut text', '00 05 61', 'a text of 5 bytes is cut off'],
  ['nothing after a name', '00 01 61', 'a block is cut off'],
  ['a huge index', 'ff ff ff ff ff 7f', 'an integer is too large'],
  ['a table that is too large', '3f e2 1f', 'a table of 4097 bytes was asked for, 4096 are allowed'],
  ['a change of the table amid a block', '82 20', 'the table changes its size amid a block'],
  ['bad padding', '00 01 61 81 00', 'a text is not Huffman code'],
])('%s is refused', (_, block, message) => {
  expect(() => new HpackDecoder(4096).decode(hex(block))).toThrow(message);
});

test('headers beyond the limit are read over, and the table stays right', () => {
  const decoder = new HpackDecoder(100);
  expect(decoder.decode(hex(`40 01 61 7f 00 ${'62'.repeat(127)}`))).toBeUndefined();
  expect(shown(decoder.decode(hex('88')))).toEqual({ ':status': '200' });
  expect(decoder.decode(hex('be'))).toBeUndefined();
});

test('Huffman: every byte, and no padding of eight bits', () => {
  expect(decodeHuffman(hex('f1e3 c2e5 f23a 6ba0 ab90 f4ff'), 0, 12)).toBe('www.example.com');
  expect(decodeHuffman(hex('f1e3 c2e5 f23a 6ba0 ab90 f4ff ff'), 0, 13)).toBeUndefined();
  expect(decodeHuffman(hex(''), 0, 0)).toBe('');
});

test('what we encode, we decode', () => {
  const headers = [
    [':status', '200'],
    ['grpc-status', '5'],
    ['grpc-message', 'm'.repeat(500)],
  ] as const;
  expect(shown(new HpackDecoder(4096).decode(encodeBlock(headers)))).toEqual(Object.fromEntries(headers));
});
