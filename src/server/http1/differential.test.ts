import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { seededIntegers } from '../../../test/random.ts';
import { Listener } from '../listener.ts';
import { readAnswers } from './testing/answers.ts';

const requests = 400;

interface Understood {
  readonly method: string;
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** In base64. */
  readonly body: string;
}

/** A well-formed request, in one of the many forms that HTTP has for the same thing. */
function request(random: (below: number) => number, last: boolean): Buffer {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const method = pick(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
  const target = pick(['/', '/v2/models/m/infer', '/a%20b/c?d=e&f', '/~!$&()*+,;=:@', 'http://example.com:80/v2?x']);
  const space = () => pick(['', ' ', '\t', '  ', ' \t ']);
  const name = (text: string) => pick([text, text.toLowerCase(), text.toUpperCase()]);
  const lines = [`${name('Host')}:${space()}example.com${space()}`];
  for (let count = random(6); count > 0; count--) {
    const value = pick(['', 'a', 'a b', 'a, b', '"quoted\\""', '\xe9\xff', "!#$%&'()*+", 'x'.repeat(300)]);
    lines.push(`${name(`X-${count}!#$%&'*+-.^_\`|~`)}:${space()}${value}${space()}`);
  }
  const body = Buffer.from(Uint8Array.from({ length: pick([0, 1, 17, 5000]) }, () => random(256)));
  const head = (more: string) =>
    Buffer.from(
      `${method} ${target} HTTP/1.1\r\n${[...lines, more, ...(last ? ['Connection: close'] : [])].filter(Boolean).join('\r\n')}\r\n\r\n`,
      'latin1',
    );
  if (method === 'GET' || random(4) === 0) return head('');
  if (random(2) === 0)
    return Buffer.concat([head(`${name('Content-Length')}:${space()}${body.length}${space()}`), body]);
  const pieces: Buffer[] = [head(`${name('Transfer-Encoding')}:${space()}${name('Chunked')}`)];
  for (let at = 0; at < body.length; ) {
    const size = 1 + random(Math.min(body.length - at, 900));
    const digits = pick(['', '0', '000']) + (random(2) ? size.toString(16) : size.toString(16).toUpperCase());
    pieces.push(
      Buffer.from(`${digits}${pick(['', ';a', ';a=b', ';a="b c"'])}\r\n`),
      body.subarray(at, at + size),
      Buffer.from('\r\n'),
    );
    at += size;
  }
  pieces.push(Buffer.from(`0\r\n${pick(['', 'Sum: 1\r\n'])}\r\n`));
  return Buffer.concat(pieces);
}

/** Everything that a server on `port` answers to `bytes`, as JSON. */
async function understoodBy(port: number, bytes: Buffer): Promise<Understood[]> {
  const socket = net.connect(port, '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  socket.write(bytes);
  await new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject));
  const answers = readAnswers(Buffer.concat(received), Array(requests).fill('POST'));
  return answers.map(({ body }) => JSON.parse(body.toString()) as Understood);
}

test(`node:http and this server understand ${requests} well-formed requests alike`, async () => {
  const random = seededIntegers(5);
  const bytes = Buffer.concat(Array.from({ length: requests }, (_, index) => request(random, index === requests - 1)));

  const reference = http.createServer(async (message, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of message) pieces.push(piece as Buffer);
    const { method, url, headers } = message;
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(pieces).toString('base64') }));
  });
  await new Promise<void>((resolve) => reference.listen(0, '127.0.0.1', resolve));
  const ours = await Listener.open(
    async (call) => {
      const body = Buffer.from(await call.readBody(1e6)).toString('base64');
      const headers = Object.fromEntries([...call.headers()].map(([name, value]) => [name.toLowerCase(), value]));
      const text = JSON.stringify({ method: call.method, url: call.url, headers, body });
      call.start(200, ['Content-Length', Buffer.byteLength(text)]).end(text);
    },
    { host: '127.0.0.1', port: 0, portFlag: '--port' },
  );
  const expected = await understoodBy((reference.address() as AddressInfo).port, bytes);
  const got = await understoodBy(ours.port, bytes);
  expect(expected).toHaveLength(requests);
  expect(got).toEqual(expected);
  reference.close();
  await ours.close(1000);
});
