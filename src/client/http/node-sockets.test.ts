import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { connect, type TritonClient } from '../index.ts';
import { ReplyReader } from './node-reply.ts';

/** Reads an answer that comes in pieces of `size` bytes. */
function read(text: string, size: number) {
  const reader = new ReplyReader('http://host');
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return reader;
}

const bodyOf = (reader: ReplyReader) => Buffer.from(reader.reply().body).toString('latin1');

describe.each([1, 2, 7, 10_000])('an answer in pieces of %d bytes', (size) => {
  test.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  b \r\n\r\nhello', 'hello', true],
    ['without a body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '', true],
    ['that cannot have one', 'HTTP/1.1 204 No Content\r\n\r\n', '', true],
    ['after interim ones', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx', 'x', true],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n',
      'hello',
      true,
    ],
    ['that is the last', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx', 'x', false],
    ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', 'x', false],
    ['with more behind it', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy', 'x', false],
  ])('%s', (_name, text, body, mayKeep) => {
    const reader = read(text, size);
    expect([reader.isComplete, bodyOf(reader)]).toEqual([true, body]);
    // What follows in a later piece is seen when it comes.
    if (size > 1000 || mayKeep) expect(reader.mayKeep).toBe(mayKeep);
  });

  test('that ends with the connection', () => {
    const reader = read('HTTP/1.1 200 OK\r\n\r\nhello', size);
    expect([reader.isComplete, reader.endsWithConnection, bodyOf(reader)]).toEqual([false, true, 'hello']);
  });

  test.each([
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/1.1 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n',
  ])('that is none: %j', (text) => {
    expect(() => read(text, size)).toThrow(expect.objectContaining({ code: 'HPE_INVALID' }));
  });
});

test('headers are found by their names, and tensors behind the JSON lie aligned', () => {
  const head = 'HTTP/1.1 200 OK\r\nInference-Header-Content-Length: 3\r\nRetry-After: 7\r\nContent-Length: 11\r\n\r\n';
  const reply = read(`${head}{ }12345678`, 4096).reply();
  expect([reply.status, reply.header('retry-after'), reply.header('after')]).toEqual([200, '7', undefined]);
  expect((reply.body.byteOffset + 3) % 8).toBe(0);
});

test('an answer that says to be larger than any is refused before it is kept', () => {
  const text = 'HTTP/1.1 200 OK\r\nContent-Length: 3000000000\r\n\r\n';
  expect(() => read(text, 4096)).toThrow('sent more than 2147483647 bytes');
});

describe('connections', () => {
  let listener: net.Server | undefined;
  let client: TritonClient | undefined;
  afterEach(async () => {
    await client?.close();
    listener?.close();
  });

  function listen(onConnection: (socket: net.Socket) => void): Promise<string> {
    return new Promise((resolve) => {
      listener = net.createServer(onConnection).listen(0, '127.0.0.1', () => {
        resolve(`http://127.0.0.1:${(listener!.address() as AddressInfo).port}`);
      });
    });
  }

  test('calls beyond the limit wait for a free one; a cancelled one leaves the line', async () => {
    const arrived: (() => void)[] = [];
    let most = 0;
    const url = await listen((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        arrived.push(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
        most = Math.max(most, arrived.length);
        wake?.();
      });
    });
    let wake: (() => void) | undefined;
    const until = (count: number) =>
      new Promise<void>((resolve) => {
        wake = () => arrived.length === count && resolve();
        wake();
      });
    client = connect(url, { maxConnections: 2 });
    const controller = new AbortController();
    const calls = [client.isLive(), client.isLive()];
    const cancelled = client.isLive(controller.signal);
    const last = client.isLive();
    await until(2);
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    for (const answer of arrived.splice(0)) answer();
    expect(await Promise.all(calls)).toEqual([true, true]);
    await until(1);
    arrived.pop()!();
    expect(await last).toBe(true);
    expect(most).toBe(2);
  });

  test('an answer without a length ends with its connection', async () => {
    const url = await listen((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n[{"name":"m"}]'));
    });
    client = connect(url);
    expect(await client.index()).toEqual([{ name: 'm' }]);
    expect(await client.index()).toEqual([{ name: 'm' }]);
  });

  test('a header that would end its line is refused', () => {
    expect(() => connect('http://127.0.0.1:1', { headers: { 'X-A': 'b\r\nX-B: c' } })).toThrow();
  });
});
