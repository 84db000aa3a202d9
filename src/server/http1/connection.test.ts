import { expect, test } from 'vitest';
import type { Call } from './call.ts';
import { Conversation, echo } from './testing/conversation.ts';

const get = (target = '/', headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const ok = (call: Call, text: string) => call.start(200, ['Content-Length', text.length]).end(text);
const timedOut = '408 {"error":"the request did not arrive in time"}';

test('pipelined requests are begun one after the other, and answered in order', async () => {
  const conversation = await new Conversation().send(get('/1') + get('/2') + get('/3'));
  expect(conversation.calls.map(({ url }) => url)).toEqual(['/1']);
  ok(conversation.calls[0]!, 'one');
  expect(conversation.calls.map(({ url }) => url)).toEqual(['/1', '/2']);
  ok(conversation.calls[1]!, 'two');
  ok(conversation.calls[2]!, 'three');
  expect(conversation.said).toEqual(['200 one', '200 two', '200 three']);
});

test('many requests at once, answered at once, need no stack', async () => {
  const conversation = await new Conversation((call) => ok(call, 'x')).send(get().repeat(20_000));
  expect(conversation.calls).toHaveLength(20_000);
});

test('further requests are kept up to a limit while one is answered; the rest stays with the client', async () => {
  const conversation = await new Conversation().send(get(), get('/', `A: ${'a'.repeat(9000)}\r\n`));
  expect(conversation.socket.isPaused).toBe(false);
  await conversation.send(get('/', `A: ${'a'.repeat(9000)}\r\n`));
  expect(conversation.socket.isPaused).toBe(true);
  ok(conversation.calls[0]!, '');
  expect(conversation.socket.isPaused).toBe(false);
});

test('requests wait while a client does not take its answers', async () => {
  const conversation: Conversation = new Conversation((call) => {
    conversation.socket.writableNeedDrain = true;
    ok(call, 'x');
  });
  await conversation.send(get() + get());
  expect(conversation.calls).toHaveLength(1);
  conversation.socket.writableNeedDrain = false;
  conversation.socket.emit('drain');
  expect(conversation.calls).toHaveLength(2);
});

test('an answer in parts: chunks for HTTP/1.1, up to the end of the connection for HTTP/1.0', async () => {
  const speak = (call: Call) => {
    call.start(200, ['Content-Type', 'text/event-stream']);
    call.write('one ');
    call.write('');
    call.write(Buffer.from('tw\u00f6'));
    call.end(' three');
  };
  const chunked = await new Conversation(speak).send(get());
  expect(chunked.output).toContain('Transfer-Encoding: chunked\r\n');
  expect(chunked.said).toEqual(['200 one tw\u00f6 three']);
  expect(chunked.socket.isOver).toBe(false);
  const plain = await new Conversation(speak).send(get('/', 'Connection: keep-alive\r\n').replace('1.1', '1.0'));
  expect(plain.output).toContain('Connection: close\r\n');
  expect(plain.said).toEqual(['200 one tw\u00f6 three']);
  expect(plain.socket.hasEnded).toBe(true);
});

test('who writes more than the client takes is told, and when to go on', async () => {
  const conversation = await new Conversation().send(get());
  const call = conversation.calls[0]!.start(200, []);
  expect(call.write('a')).toBe(true);
  conversation.socket.writableNeedDrain = true;
  expect(call.write('b')).toBe(false);
  const drained = call.drained();
  conversation.socket.writableNeedDrain = false;
  conversation.socket.emit('drain');
  await drained;
  call.end();
  expect(conversation.said).toEqual(['200 ab']);
});

test.each([
  ['HEAD', 200, ['Content-Length', 4]],
  ['GET', 204, []],
  ['GET', 304, ['Content-Length', 4]],
])('%s answered with %i has no body, and the next request its own answer', async (method, status, headers) => {
  const conversation = await new Conversation((call) => {
    if (call.url === '/next') ok(call, 'next');
    else call.start(status, headers).end('body');
  }).send(get().replace('GET', method), get('/next'));
  expect(conversation.output).not.toContain('body');
  expect(conversation.output).toContain('next');
});

test.each([
  ['text alone', '{"é":1}', []],
  ['text and small parts', '{"é":1}', [3, 5]],
  ['more than is copied together', '{"é":1}', [40_000, 0, 50_000]],
])('a whole answer at once: %s', async (_, text, sizes) => {
  const parts = sizes.map((size, index) => new Uint8Array(size).fill(0x61 + index));
  const body = text + parts.map((part) => Buffer.from(part).toString()).join('');
  const answer = (call: Call) => call.reply(200, 'X: y\r\n', text, undefined, parts);
  const conversation = await new Conversation(answer).send(get(), get().replace('GET', 'HEAD'), get());
  expect(conversation.said).toEqual([`200 ${body}`, '200 ', `200 ${body}`]);
  const { headers } = conversation.answers[0]!;
  expect([headers.get('x'), headers.get('content-length')]).toEqual(['y', `${Buffer.byteLength(body)}`]);
  expect([conversation.calls[0]!.isGone, conversation.socket.isDestroyed]).toEqual([true, false]);
});

test('after its end an answer takes nothing more, and there is no second one', async () => {
  const conversation = await new Conversation().send(get());
  const [call] = conversation.calls;
  ok(call!, 'first');
  ok(call!, 'second');
  call!.write('more');
  expect([conversation.said, call!.isGone]).toEqual([['200 first'], true]);
});

test.each(['abc', 'abcdefg'])('an answer whose length was announced wrongly ("%s" for 5) is cut off', async (text) => {
  const conversation = await new Conversation().send(get());
  conversation.calls[0]!.start(200, ['Content-Length', 5]).end(text);
  expect(conversation.socket.isDestroyed).toBe(true);
});

test('a header cannot break out of its line', async () => {
  const conversation = await new Conversation().send(get());
  const [call] = conversation.calls;
  expect(() => call!.setHeader('X', 'a\r\nSet-Cookie: b')).toThrow('characters that a header may not have');
  expect(() => call!.start(200, ['X', 'a\nb'])).toThrow('characters that a header may not have');
  call!.setHeader('X', 'good');
  ok(call!, 'well');
  expect(conversation.answers[0]!.headers.get('x')).toBe('good');
});

test('an answer before the body: what is left of the body is passed over', async () => {
  const conversation = await new Conversation((call) => ok(call, call.url)).send(
    'POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n',
    'b'.repeat(200_000),
    'b'.repeat(100_000) + get('/next'),
  );
  expect(conversation.said).toEqual(['200 /early', '200 /next']);
  expect(conversation.budget.bytes).toBe(0);
});

test('a client that goes away aborts the signal of its request, and only that', async () => {
  const conversation = await new Conversation().send(get());
  const [call] = conversation.calls;
  const { signal } = call!;
  ok(call!, '');
  await conversation.send(get('/second'));
  const second = conversation.calls[1]!;
  expect([signal.aborted, second.signal.aborted]).toEqual([false, false]);
  conversation.socket.emit('close');
  expect([second.signal.aborted, second.isGone, conversation.isForgotten]).toEqual([true, true, true]);
});

test('signals do not gather listeners over the life of a connection', async () => {
  const conversation = await new Conversation((call) => {
    signals.add(call.signal);
    ok(call, '');
  });
  const signals = new Set<AbortSignal>();
  await conversation.send(get().repeat(1000));
  expect(signals.size).toBeGreaterThanOrEqual(3);
});

test('a client that ends its side: the request is cancelled, what it is answered is sent, then the connection ends', async () => {
  const conversation = await new Conversation().send(get());
  const [call] = conversation.calls;
  const { signal } = call!;
  conversation.socket.emit('end');
  expect([signal.aborted, conversation.socket.isOver]).toEqual([true, false]);
  ok(call!, 'late');
  expect(conversation.said).toEqual(['200 late']);
  expect(conversation.socket.isOver).toBe(true);
});

test('a client that ends its side between requests, or amid one, is let go', async () => {
  for (const sent of ['', get(), get().slice(0, 20)]) {
    const conversation = await new Conversation(echo).send(sent);
    conversation.socket.emit('end');
    expect(conversation.socket.isOver).toBe(true);
  }
});

test('patience: headers, bodies, silence, clients that do not read', async () => {
  const silent = new Conversation();
  expect(silent.connection.deadline - performance.now()).toBeLessThanOrEqual(1000);
  silent.connection.expire();
  expect(silent.said).toEqual([timedOut]);

  const slowHead = await new Conversation(echo).send(get(), get().slice(0, 9));
  expect(slowHead.connection.deadline - performance.now()).toBeLessThanOrEqual(1000);
  slowHead.connection.expire();
  expect(slowHead.said).toEqual(['200 GET / ', timedOut]);

  const slowBody = await new Conversation(echo).send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf');
  expect(slowBody.connection.deadline - performance.now()).toBeGreaterThan(1000);
  slowBody.connection.expire();
  expect([slowBody.said, slowBody.socket.hasEnded]).toEqual([[timedOut], true]);

  const idle = await new Conversation(echo).send(get());
  expect(idle.connection.deadline - performance.now()).toBeGreaterThan(5000);
  idle.connection.expire();
  expect([idle.said, idle.socket.isDestroyed]).toEqual([['200 GET / '], true]);

  const working = await new Conversation().send(get());
  expect(working.connection.deadline).toBe(Number.POSITIVE_INFINITY);
  working.socket.writableNeedDrain = true;
  working.calls[0]!.start(200, []).write('a');
  expect(working.connection.deadline - performance.now()).toBeLessThanOrEqual(5000);
  working.connection.expire();
  expect(working.socket.isDestroyed).toBe(true);

  const large = await new Conversation().send(get());
  large.socket.writableNeedDrain = true;
  large.socket.writableLength = 64e6;
  large.calls[0]!.start(200, []).write('a');
  expect(large.connection.deadline - performance.now()).toBeGreaterThan(1e6);
});

test('closing: idle connections at once, others after the answer under way, which says so', async () => {
  const idle = await new Conversation(echo).send(get());
  idle.isClosing = true;
  idle.connection.close();
  expect(idle.socket.isDestroyed).toBe(true);

  const busy = await new Conversation().send(get('/1') + get('/2'));
  busy.isClosing = true;
  busy.connection.close();
  expect(busy.socket.isOver).toBe(false);
  ok(busy.calls[0]!, 'last');
  expect(busy.said).toEqual(['200 last']);
  expect([busy.answers[0]!.closes, busy.calls.length, busy.socket.isOver]).toEqual([true, 1, true]);
});

test('a tunnel is not dug', async () => {
  const conversation = await new Conversation(echo).send('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n');
  expect([conversation.output, conversation.socket.isDestroyed]).toEqual(['', true]);
});
