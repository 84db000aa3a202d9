import { expect, test } from 'vitest';
import { Conversation, echo } from './testing/conversation.ts';

const post = (headers: string) => `POST / HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`;
const chunks = post('Transfer-Encoding: chunked');
const invalid = '400 {"error":"the request is not valid HTTP"}';

test('a body in one piece is not copied', async () => {
  const conversation = new Conversation();
  const bytes = Buffer.from(`${post('Content-Length: 4')}bodyrest`);
  conversation.socket.emit('data', bytes);
  const body = await conversation.calls[0]!.readBody(10);
  expect([Buffer.from(body).toString(), body.buffer]).toEqual(['body', bytes.buffer]);
});

test.each([10, 70_000, 1_200_000, 5_000_000])('a body of %i bytes in pieces is what was sent', async (length) => {
  const sent = Buffer.from(Uint8Array.from({ length }, (_, index) => index * 7));
  const conversation = await new Conversation().send(post(`Content-Length: ${length}`));
  const reading = conversation.calls[0]!.readBody(length);
  for (let at = 0; at < length; ) {
    const end = Math.min(length, at + 1 + ((at * 31) % 65_536));
    conversation.socket.emit('data', Buffer.from(sent.subarray(at, end)));
    at = end;
  }
  expect(sent.equals(await reading)).toBe(true);
  expect(conversation.budget.bytes).toBe(length);
  conversation.calls[0]!.start(200, ['Content-Length', 0]).end();
  expect(conversation.budget.bytes).toBe(0);
});

test.each([
  ['one chunk', '4\r\nbody\r\n0\r\n\r\n', 'body'],
  ['several', '1\r\nb\r\n003\r\nody\r\n0\r\n\r\n', 'body'],
  ['capital digits', 'A\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
  ['extensions and trailers', '4;a=b;c="d"\r\nbody\r\n0;last\r\nSum: 1\r\nOther: \xe9\r\n\r\n', 'body'],
  ['nothing', '0\r\n\r\n', ''],
])('chunks: %s', async (_what, bytes, body) => {
  for (const pieces of [[chunks + bytes], [chunks, ...bytes]]) {
    const conversation = await new Conversation(echo).send(...pieces);
    expect(conversation.said).toEqual([`200 POST / ${body}`]);
    expect(conversation.socket.isOver).toBe(false);
  }
});

test.each([
  ['a size that is none', 'x\r\n'],
  ['an empty size', '\r\n'],
  ['a size with a sign', '+4\r\nbody\r\n'],
  ['a size like C writes it', '0x4\r\nbody\r\n'],
  ['a size with a space behind it', '4 \r\nbody\r\n'],
  ['a size beyond reason', 'fffffffffffff\r\n'],
  ['a bare line feed behind a size', '4\nbody\r\n'],
  ['a line feed in an extension', '4;a\nb\r\n'],
  ['a NUL in an extension', '4;\0\r\n'],
  ['data longer than its size', '4\r\nbody!\r\n'],
  ['a bare line feed behind the data', '4\r\nbody\n'],
  ['a bare line feed in the trailers', '0\r\nA: b\n\r\n'],
  ['a bare carriage return in the trailers', '0\r\nA: b\rc\r\n\r\n'],
])('chunks: %s is refused and the connection closed', async (_what, bytes) => {
  for (const pieces of [[chunks + bytes], [chunks, ...bytes]]) {
    const conversation = await new Conversation(echo).send(...pieces);
    expect(conversation.said).toEqual([invalid]);
    expect(conversation.answers[0]!.closes).toBe(true);
    expect(conversation.socket.hasEnded).toBe(true);
    expect(conversation.budget.bytes).toBe(0);
  }
});

test('extensions and trailers have an end', async () => {
  const extension = await new Conversation(echo).send(chunks, `1;${'e'.repeat(17_000)}`);
  expect(extension.said).toEqual(['413 {"error":"the chunk extensions are too long"}']);
  const trailer = await new Conversation(echo).send(chunks, `0\r\nA: ${'t'.repeat(17_000)}`);
  expect(trailer.said).toEqual(['431 {"error":"the trailers are too long"}']);
});

test('chunks are counted, however they arrive', async () => {
  const many = '1\r\nb\r\n'.repeat(65_537);
  const conversation = await new Conversation(echo).send(chunks, many);
  expect(conversation.said).toEqual(['400 the chunked body has more than 65536 chunks']);
  expect(conversation.answers[0]!.closes).toBe(true);
});

test('bodies of all connections together are bounded; what was refused is let go', async () => {
  const conversation = await new Conversation(echo, 100).send(post('Content-Length: 101'), 'b'.repeat(60));
  expect(conversation.budget.bytes).toBe(60);
  await conversation.send('b'.repeat(41));
  expect(conversation.said).toEqual([
    '400 the bodies of requests under way take 60 bytes already, the server holds at most 100',
  ]);
  expect(conversation.budget.bytes).toBe(0);
  await conversation.send(`${post('Content-Length: 100')}${'c'.repeat(100)}`);
  expect(conversation.said[1]).toBe(`200 POST / ${'c'.repeat(100)}`);
});

test('a body that nobody has asked for stays with the client', async () => {
  const conversation = await new Conversation().send(post('Content-Length: 200000'), 'b'.repeat(40_000));
  expect(conversation.socket.isPaused).toBe(false);
  await conversation.send('b'.repeat(40_000));
  expect(conversation.socket.isPaused).toBe(true);
  const reading = conversation.calls[0]!.readBody(200_000);
  expect(conversation.socket.isPaused).toBe(false);
  await conversation.send('b'.repeat(120_000));
  expect((await reading).length).toBe(200_000);
});

test('100-continue: told to go on when the body is wanted, and only if it has not come', async () => {
  const asks = post('Content-Length: 4\r\nExpect: 100-continue');
  const waiting = await new Conversation(echo).send(asks);
  expect(waiting.output).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  await waiting.send('body');
  expect(waiting.said).toEqual(['200 POST / body']);
  const eager = await new Conversation(echo).send(`${asks}body`);
  expect(eager.output).not.toContain('100 Continue');
  const old = await new Conversation(echo).send(asks.replace('1.1', '1.0'));
  expect(old.output).toBe('');
});

test('100-continue: an answer instead of going on ends the connection, as the client may send the body or not', async () => {
  const large = await new Conversation(echo).send(post('Content-Length: 200000\r\nExpect: 100-continue'));
  expect(large.said).toEqual(['400 the request body has 200000 bytes, the limit is 100000']);
  expect(large.answers[0]!.closes).toBe(true);
});

test('a client that ends amid its body is gone', async () => {
  const conversation = new Conversation();
  await conversation.send(post('Content-Length: 10'), 'half');
  const [call] = conversation.calls;
  const { signal } = call!;
  const reading = expect(call!.readBody(10)).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  conversation.socket.emit('end');
  await reading;
  expect([signal.aborted, call!.isGone, conversation.isForgotten]).toEqual([true, true, true]);
  expect(conversation.budget.bytes).toBe(0);
});
