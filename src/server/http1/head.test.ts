import { expect, test } from 'vitest';
import { Conversation, echo } from './testing/conversation.ts';

const invalid = '400 {"error":"the request is not valid HTTP"}';
const get = (headers: string, start = 'GET / HTTP/1.1') => `${start}\r\nHost: x\r\n${headers}\r\n`;

/** Sends the bytes whole and byte by byte, which must come to the same. */
async function answersTo(bytes: string) {
  const whole = await new Conversation(echo).send(bytes);
  const crumbs = await new Conversation(echo).send(...bytes);
  expect(crumbs.said).toEqual(whole.said);
  expect([crumbs.socket.isOver, whole.socket.isOver]).toEqual([whole.socket.isOver, whole.socket.isOver]);
  return whole;
}

test.each([
  ['a bare line feed after the request line', 'GET / HTTP/1.1\nHost: x\r\n\r\n'],
  ['a bare line feed after a header', 'GET / HTTP/1.1\r\nHost: x\n\r\n'],
  ['a bare line feed at the end', 'GET / HTTP/1.1\r\nHost: x\r\n\n'],
  ['a bare carriage return in a value', get('A: b\rc\r\n')],
  ['a line feed in a value', get('A: b\nc\r\n')],
  ['a NUL in a value', get('A: b\0c\r\n')],
  ['a NUL in a name', get('A\0: b\r\n')],
  ['a folded line', get('A: b\r\n c\r\n')],
  ['a space before a colon', get('A : b\r\n')],
  ['a header without a colon', get('nothing\r\n')],
  ['a header without a name', get(': b\r\n')],
  ['two spaces in the request line', 'GET  / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a space behind the version', 'GET / HTTP/1.1 \r\nHost: x\r\n\r\n'],
  ['a lower-case version', 'GET / http/1.1\r\nHost: x\r\n\r\n'],
  ['no version (HTTP/0.9)', 'GET /\r\n'],
  ['a method that is no token', 'G(T / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a very long method', `${'M'.repeat(40)} / HTTP/1.1\r\nHost: x\r\n\r\n`],
  ['a target that is no path', get('', 'GET v2 HTTP/1.1')],
  ['a target of another scheme', get('', 'GET ftp://x/ HTTP/1.1')],
  ['bytes beyond ASCII in the target', get('', 'GET /\xe9 HTTP/1.1')],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', get('Host: y\r\n')],
  ['Content-Length and Transfer-Encoding', get('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n')],
  ['two lengths', get('Content-Length: 1\r\nContent-Length: 2\r\n')],
  ['two equal lengths', get('Content-Length: 1\r\nContent-Length: 1\r\n')],
  ['two lengths in one header', get('Content-Length: 1, 1\r\n')],
  ['a length with a sign', get('Content-Length: +1\r\n')],
  ['a negative length', get('Content-Length: -1\r\n')],
  ['a hexadecimal length', get('Content-Length: 0x1\r\n')],
  ['an empty length', get('Content-Length:\r\n')],
  ['a length beyond reason', get(`Content-Length: ${'9'.repeat(20)}\r\n`)],
  ['two Transfer-Encodings', get('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
  ['chunks in HTTP/1.0', get('Transfer-Encoding: chunked\r\n', 'POST / HTTP/1.0')],
])('%s is refused and the connection closed', async (_what, bytes) => {
  const conversation = await answersTo(bytes);
  expect(conversation.said).toEqual([invalid]);
  expect(conversation.answers[0]!.closes).toBe(true);
  expect(conversation.calls).toEqual([]);
  expect(conversation.socket.hasEnded).toBe(true);
});

test.each([
  ['another version', 'GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
  ["HTTP/2's preface", 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
  ['a coding that is not known', get('Transfer-Encoding: gzip, chunked\r\n'), 501],
  ['something like chunked', get('Transfer-Encoding: xchunked\r\n'), 501],
  ['an expectation that cannot be met', get('Expect: miracles\r\n'), 417],
  ['a long target', `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
  ['a long header', get(`A: ${'a'.repeat(17_000)}\r\n`), 431],
  ['many headers', get('A: b\r\n'.repeat(3000)), 431],
])('%s is refused with its own status', async (_what, bytes, status) => {
  const conversation = await new Conversation(echo).send(bytes);
  expect(conversation.answers.map((answer) => [answer.status, answer.closes])).toEqual([[status, true]]);
  expect(conversation.calls).toEqual([]);
});

test('garbage is refused before a line of it is whole', async () => {
  const conversation = await new Conversation(echo).send(Uint8Array.of(22, 3, 1, 0, 200, 1));
  expect(conversation.said).toEqual([invalid]);
});

test.each([
  ['a path with a query', 'GET /v2?a=b HTTP/1.1', '/v2?a=b'],
  ['an absolute URL', 'GET http://x:8000/v2 HTTP/1.1', 'http://x:8000/v2'],
  ['an asterisk', 'OPTIONS * HTTP/1.1', '*'],
])('%s is a target', async (_what, start, target) => {
  const { calls } = await answersTo(get('', start));
  expect(calls.map(({ url }) => url)).toEqual([target]);
});

test('headers: names in any case, values without the white space around them, several of a name together', async () => {
  const { calls } = await new Conversation().send(
    get('X-One:\t a b \t\r\nempty:\r\nx-ONE: c\r\nLatin: \xe9\r\nExactly: ,\r\n'),
  );
  const [call] = calls;
  const values = ['x-one', 'empty', 'latin', 'exactly', 'x-on', 'none'].map((name) => call!.header(name));
  expect(values).toEqual(['a b, c', '', '\xe9', ',', undefined, undefined]);
  expect([...call!.headers()].map(([name, value]) => `${name}=${value}`)).toEqual([
    ...['Host=x', 'X-One=a b', 'empty=', 'x-ONE=c', 'Latin=\xe9', 'Exactly=,'],
  ]);
});

test('empty lines before a request are passed over', async () => {
  const { said } = await answersTo(`\r\n\r\n${get('')}\r\n${get('')}`);
  expect(said).toEqual(['200 GET / ', '200 GET / ']);
});

test.each([
  ['HTTP/1.1', '', true],
  ['HTTP/1.1', 'Connection: close\r\n', false],
  ['HTTP/1.1', 'Connection: Foo , CLOSE\r\n', false],
  ['HTTP/1.1', 'Connection: keep-alive\r\n', true],
  ['HTTP/1.1', 'Connection: keep-alive\r\nConnection: close\r\n', false],
  ['HTTP/1.0', '', false],
  ['HTTP/1.0', 'Connection: Keep-Alive\r\n', true],
])('%s with "%s": the connection stays open: %s', async (version, headers, stays) => {
  const conversation = await new Conversation(echo).send(get(headers, `GET / ${version}`));
  expect(conversation.socket.isOver).toBe(!stays);
  const [answer] = conversation.answers;
  const expected = stays ? (version === 'HTTP/1.0' ? 'keep-alive' : undefined) : 'close';
  expect(answer!.headers.get('connection')).toBe(expected);
});
