import { expect, test } from 'vitest';
import { HttpAnswerReader } from './http-answer.ts';

const whole = (text: string) => new HttpAnswerReader().push(Buffer.from(text));
/** The answer when the bytes come one by one, and after how many. */
function byByte(text: string) {
  const reader = new HttpAnswerReader();
  for (const [index, byte] of Buffer.from(text).entries()) {
    const answer = reader.push(Buffer.of(byte));
    if (answer) return { answer, after: index + 1 };
  }
  return undefined;
}

const plain = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe\n\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n';

test('an answer is complete with the last byte of its body, however the bytes come', () => {
  for (const text of [plain, chunked, 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n']) {
    expect(whole(text)).toEqual({ status: 200, closes: false, words: '' });
    expect(byByte(text)).toEqual({ answer: { status: 200, closes: false, words: '' }, after: text.length });
  }
});

test('one answer follows another', () => {
  const reader = new HttpAnswerReader();
  for (let count = 0; count < 3; count++) {
    expect(reader.push(Buffer.from(plain.slice(0, 30)))).toBeUndefined();
    expect(reader.isIdle).toBe(false);
    expect(reader.push(Buffer.from(plain.slice(30)))?.status).toBe(200);
    expect(reader.isIdle).toBe(true);
  }
});

test('an error keeps its words, and 100 Continue is no answer', () => {
  const text =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"error":"full"}';
  expect(whole(text)).toMatchObject({ status: 503, closes: true, words: expect.stringContaining('full') });
});

test('a body without length ends with the connection', () => {
  const reader = new HttpAnswerReader();
  expect(reader.push(Buffer.from('HTTP/1.0 200 OK\r\n\r\nabc'))).toBeUndefined();
  expect(reader.end()).toMatchObject({ status: 200, closes: true });
  expect(new HttpAnswerReader().end()).toBeUndefined();
});

test('what is no HTTP is refused', () => {
  expect(() => whole('SSH-2.0-OpenSSH\r\n')).toThrow('speaks no HTTP');
  expect(() => whole('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n')).toThrow('a chunk without a size');
});
