import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { leanSocket } from './lean-socket.ts';

/** A connection: the client's end, and what the server made of its own. */
async function pair(): Promise<{
  client: Socket;
  accepted: Socket;
  lean: Socket;
  closeServer: () => Promise<unknown>;
}> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = await accepting;
  const lean = leanSocket(accepted);
  onTestFinished(() => {
    client.destroy();
    lean.destroy();
    server.close();
  });
  return { client, accepted, lean, closeServer: () => new Promise((resolve) => server.close(resolve)) };
}

/** All that a socket says until it ends. */
async function all(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  await once(socket, 'end');
  return Buffer.concat(pieces).toString('latin1');
}

test('everything arrives in order, of two connections too, and can be answered after the end', async () => {
  const [one, two] = [await pair(), await pair()];
  const texts = [`${'a'.repeat(300_000)}b`, `${'c'.repeat(200_000)}d`] as const;
  const heard = [all(one.lean), all(two.lean)];
  one.client.end(texts[0]);
  two.client.end(texts[1]);
  expect(await Promise.all(heard)).toEqual(texts);
  const answer = all(one.client);
  one.lean.end('answer');
  expect(await answer).toBe('answer');
});

test('pieces stay as they were when others come', async () => {
  const { client, lean } = await pair();
  const pieces: Buffer[] = [];
  for (const text of ['first', 'other']) {
    client.write(text);
    pieces.push((await once(lean, 'data'))[0]);
  }
  expect(pieces.map(String)).toEqual(['first', 'other']);
});

test('while it is paused nothing is read', async () => {
  const { client, lean } = await pair();
  const pieces: string[] = [];
  lean.on('data', (piece: Buffer) => pieces.push(String(piece)));
  client.write('a');
  await once(lean, 'data');
  lean.pause();
  await new Promise((resolve) => client.write('b', resolve));
  // Another connection makes the same way later.
  const other = await pair();
  other.client.write('x');
  await once(other.lean, 'data');
  expect(pieces).toEqual(['a']);
  lean.resume();
  await once(lean, 'data');
  expect(pieces).toEqual(['a', 'b']);
});

test('the accepted socket is done with, and its server closes without waiting', async () => {
  const { accepted, lean, closeServer } = await pair();
  expect([accepted === lean, accepted.destroyed, lean.destroyed]).toEqual([false, true, false]);
  await closeServer();
  expect(lean.destroyed).toBe(false);
});

test('a socket without a handle, or whose handle is of another kind, is used as it is', () => {
  const plain = new Socket();
  expect(leanSocket(plain)).toBe(plain);
  const odd = Object.assign(new Socket(), { _handle: { readStart() {} } });
  expect(leanSocket(odd)).toBe(odd);
});
