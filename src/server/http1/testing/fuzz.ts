import { seededIntegers } from '../../../../test/random.ts';
import { BodyBudget } from '../budget.ts';
import type { Call } from '../call.ts';
import { Connection, type Host } from '../connection.ts';
import { readAnswers } from './answers.ts';
import { TestSocket } from './socket.ts';

/** More than any body that is made here. */
const enough = 100_000;

type Random = (below: number) => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!;

const methods = ['GET', 'POST', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'M-SEARCH', 'CONNECT', 'G\0T', ''];
const targets = [
  '/',
  '/v2',
  '/v2/models/m/infer?x=1',
  'http://host/v2',
  '*',
  '//',
  '/a%00b',
  '/\xe9',
  'host:80',
  '/a b',
  '',
];
const versions = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1', 'HTTP/1.1 '];
const lines = [
  ...[
    'Accept: */*',
    'X: ',
    'X:\t1 ',
    'x-y: \xe9\xff',
    'Connection: close',
    'Connection: keep-alive',
    'Connection: a, CLOSE',
  ],
  ...[
    'Expect: 100-continue',
    'Expect: more',
    'Host: two',
    'Content-Length: 0',
    'Content-Length: +1',
    'Content-Length : 3',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: xchunked',
    ' folded',
    'no colon',
  ],
  ...['Upgrade: h2c', `Long: ${'l'.repeat(3000)}`, ': empty', 'A\0: b', 'A: \0', 'A: b\rc', 'A: b\nc'],
];
const tokens = [
  ...['\r', '\n', '\r\n', '\r\n\r\n', '\0', ' ', '\t', ':', ';', '0\r\n\r\n', 'ffffffffffff\r\n', 'GET / HTTP/1.1\r\n'],
  ...['Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: x\r\n', '\x7f', '\xff', '-', '+', '0x', '1_0'],
];

/** A request that is good, or nearly so. */
function request(random: Random, wild: boolean): string {
  const body = 'b'.repeat(random(4) === 0 ? random(5000) : random(20));
  const isChunked = random(3) === 0;
  const headers = ['Host: x'];
  for (let count = random(4); count > 0; count--) headers.push(wild ? pick(random, lines) : lines[random(7)]!);
  const hasBody = random(2) === 0;
  if (hasBody) headers.push(isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`);
  const start = wild
    ? `${pick(random, methods)} ${pick(random, targets)} ${pick(random, versions)}`
    : `${methods[random(5)]} ${targets[random(4)]} HTTP/1.1`;
  const text = `${start}\r\n${headers.join('\r\n')}\r\n\r\n`;
  return hasBody ? text + (isChunked ? inChunks(random, body) : body) : text;
}

function inChunks(random: Random, body: string): string {
  let text = '';
  for (let at = 0; at < body.length; ) {
    const size = 1 + random(Math.min(body.length - at, 700));
    text += `${size.toString(16)}${random(5) === 0 ? ';a=b' : ''}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0\r\n${random(4) === 0 ? 'Trailer: 1\r\n' : ''}\r\n`;
}

function mutate(random: Random, text: string): string {
  let out = text;
  for (let edits = 1 + random(3); edits > 0; edits--) {
    const at = random(out.length + 1);
    const to = Math.min(out.length, at + random(6));
    const put = random(3) === 0 ? String.fromCharCode(random(256)) : random(4) === 0 ? '' : pick(random, tokens);
    out = out.slice(0, at) + put + out.slice(random(2) === 0 ? at : to);
  }
  return out;
}

/** What a connection made of some bytes. */
interface Outcome {
  readonly output: Buffer;
  readonly methods: readonly string[];
  readonly isOver: boolean;
  readonly held: number;
}

/** Answers what it got, in one of the ways in which endpoints do; which one hangs on the request alone. */
async function answer(call: Call, maxBytes: number): Promise<void> {
  let text: string;
  try {
    const body = await call.readBody(maxBytes);
    text = `${call.method} ${call.url} ${body.length}`;
  } catch (error) {
    text = `refused: ${(error as Error).message}`;
  }
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length % 3 === 0) {
    call.start(200, ['Content-Type', 'text/plain']);
    call.write(bytes.subarray(0, 5));
    call.end(bytes.subarray(5));
  } else if (bytes.length % 3 === 1) call.start(200, ['Content-Length', bytes.length]).end(bytes);
  else call.start(200, ['Content-Length', text.length]).end(text.replace(/[^\x20-\x7e]/g, '?'));
}

/** Without what hangs on when bytes came: dates, and whether a client had to be told to go on. */
function timeless(output: Buffer): string {
  return output.toString('latin1').replace(/\r\nDate: [^\r]*|HTTP\/1\.1 100 Continue\r\n\r\n/g, '');
}

async function turn(): Promise<void> {
  for (let count = 0; count < 6; count++) await Promise.resolve();
}

/** Sends `bytes` in pieces of the sizes that `cut` gives, then the end. */
async function run(bytes: Buffer, maxBytes: number, cut: (left: number) => number): Promise<Outcome> {
  const socket = new TestSocket();
  const methods: string[] = [];
  const host: Host & { isClosing: boolean } = {
    onRequest: (call) => {
      methods.push(call.method);
      void answer(call, maxBytes);
    },
    budget: new BodyBudget(1e6),
    headersTimeout: 1e6,
    requestTimeout: 1e6,
    idleTimeout: 1e6,
    isClosing: false,
    forget: () => {},
  };
  const connection = new Connection(socket.asSocket, host);
  for (let at = 0; at < bytes.length && !socket.isOver; ) {
    if (socket.isPaused) await turn();
    if (socket.isPaused) throw new Error('reading was paused and not taken up again');
    const end = at + Math.max(1, cut(bytes.length - at));
    // A copy: what a connection keeps must not hang on what it was given.
    socket.emit('data', Buffer.from(bytes.subarray(at, end)));
    at = end;
    await turn();
  }
  socket.emit('end');
  await turn();
  const { isOver, output } = socket;
  connection.destroy();
  await turn();
  return { output, methods, isOver, held: host.budget.bytes };
}

/** What holds for every outcome. */
function check({ output, methods, isOver, held }: Outcome): void {
  const answers = readAnswers(output, methods);
  if (answers.length > methods.length + 1) throw new Error(`${answers.length} answers to ${methods.length} requests`);
  answers.forEach(({ status, closes }, index) => {
    if (status !== 200 && !closes) throw new Error(`answer ${index} refuses with ${status} and keeps the connection`);
    if (closes && index < answers.length - 1) throw new Error(`answer ${index} closes, and more follow`);
    if (index >= methods.length && status === 200) throw new Error(`answer ${index} is to no request`);
  });
  if (!isOver) throw new Error('the client has ended, the connection has not');
  if (held !== 0) throw new Error(`${held} bytes of bodies are still counted`);
}

/**
 * Throws for the first stream of bytes to which a connection behaves badly: fails, answers a request twice or out of
 * turn or not in HTTP, keeps a connection that it cannot read, holds on to memory, or answers differently when the same
 * bytes arrive in other pieces. The number of rounds that came before `until` said stop.
 */
export async function fuzzConnections(
  seed: number,
  until: (round: number) => boolean,
): Promise<{ rounds: number; answered: number; refused: number }> {
  let rounds = 0;
  let answered = 0;
  let refused = 0;
  for (; !until(rounds); rounds++) {
    const random = seededIntegers(Math.imul(seed, 1_000_003) + rounds);
    const wild = random(3) > 0;
    let text = '';
    for (let count = 1 + random(4); count > 0; count--) text += request(random, wild);
    if (wild && random(3) > 0) text = mutate(random, text);
    const bytes = Buffer.from(text, 'latin1');
    try {
      const whole = await run(bytes, enough, (left) => left);
      check(whole);
      const size = 1 + random(60);
      const inPieces = (left: number) => Math.min(left, 1 + random(size));
      const cut = await run(bytes, enough, inPieces);
      check(cut);
      // Bodies that are refused before they are there.
      check(await run(bytes, random(1000), inPieces));
      const [one, other] = [timeless(whole.output), timeless(cut.output)];
      if (one !== other) throw new Error(`in pieces: ${other}\nwhole: ${one}`);
      for (const { status } of readAnswers(whole.output, whole.methods)) {
        if (status === 200) answered++;
        else refused++;
      }
    } catch (error) {
      throw new Error(`seed ${seed}, round ${rounds}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
  return { rounds, answered, refused };
}
