import net from 'node:net';
import { pathToFileURL } from 'node:url';
import type { LoadResult } from './load.ts';

// As bench/load.ts, over gRPC: one HTTP/2 connection with so many calls under way, as clients that share a channel have
// it. Frames are written and cut apart by hand, so that the client costs the machine little.

export interface GrpcLoad {
  readonly port: number;
  /** The request message, in base64. */
  readonly message: string;
  readonly concurrency: number;
  readonly warmupMs: number;
  readonly ms: number;
}

const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
const names = {
  path: '/inference.GRPCInferenceService/ModelInfer',
  agent: 'conch-bench',
};

/** Headers of the first call, which enter the table, and of all others, which point into it. */
const firstBlock = (authority: string) =>
  Buffer.concat([
    ...[Buffer.of(0x83, 0x86, 0x44), text(names.path), Buffer.of(0x41), text(authority)],
    ...[Buffer.of(0x5f), text('application/grpc'), Buffer.of(0x40), text('te'), text('trailers')],
    ...[Buffer.of(0x7a), text(names.agent)],
  ]);
const nextBlock = Buffer.of(0x83, 0x86, 0xc2, 0xc1, 0xc0, 0xbf, 0xbe);

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, 9);
  return bytes;
}

async function drive({ port, message, concurrency, warmupMs, ms }: GrpcLoad): Promise<LoadResult> {
  const body = Buffer.from(message, 'base64');
  const framed = Buffer.concat([Buffer.alloc(5), body]);
  framed.writeUInt32BE(body.length, 1);
  const request = Buffer.concat([frame(1, 4, 0, nextBlock), frame(0, 1, 0, framed)]);
  const dataAt = 9 + nextBlock.length;
  const sentAt = new Map<number, number>();
  const latencies: number[] = [];
  let answers = 0;
  let measuring = false;
  let stopped = false;
  let stream = -1;
  let unacknowledged = 0;
  let held: Buffer = Buffer.alloc(0);
  let out: Buffer[] = [];

  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const send = () => {
    stream += 2;
    const bytes =
      stream === 1
        ? Buffer.concat([frame(1, 4, 1, firstBlock(`127.0.0.1:${port}`)), frame(0, 1, 1, framed)])
        : Buffer.from(request);
    if (stream > 1) {
      bytes.writeUInt32BE(stream, 5);
      bytes.writeUInt32BE(stream, dataAt + 5);
    }
    sentAt.set(stream, performance.now());
    out.push(bytes);
  };
  const flush = () => {
    if (out.length > 0) socket.write(out.length === 1 ? out[0]! : Buffer.concat(out));
    out = [];
  };
  const withData = new Set<number>();
  socket.on('data', (chunk) => {
    const bytes = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= 9) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + 9 + length;
      if (end > bytes.length) break;
      const type = bytes[at + 3]!;
      const flags = bytes[at + 4]!;
      const id = bytes.readUInt32BE(at + 5);
      if (type === 0) {
        withData.add(id);
        unacknowledged += length;
      } else if (type === 1 && flags & 1) {
        const from = sentAt.get(id)!;
        if (!withData.delete(id)) throw new Error(`no answer: ${bytes.toString('latin1', at + 9, end)}`);
        sentAt.delete(id);
        if (measuring) {
          answers++;
          latencies.push(performance.now() - from);
        }
        if (!stopped) send();
      } else if (type === 4 && !(flags & 1)) out.push(frame(4, 1, 0, Buffer.alloc(0)));
      else if (type === 6 && !(flags & 1)) out.push(frame(6, 1, 0, bytes.subarray(at + 9, end)));
      else if (type === 3 || type === 7) throw new Error(`the server ends with frame ${type}`);
      at = end;
    }
    held = bytes.subarray(at);
    if (unacknowledged > 1 << 20) {
      const increment = Buffer.alloc(4);
      increment.writeUInt32BE(unacknowledged);
      out.push(frame(8, 0, 0, increment));
      unacknowledged = 0;
    }
    flush();
    if (stopped && sentAt.size === 0) socket.destroy();
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  const window = Buffer.alloc(4);
  window.writeUInt32BE(2 ** 30);
  out.push(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0)), frame(8, 0, 0, window));
  for (let index = 0; index < concurrency; index++) send();
  flush();
  const closed = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => (stopped ? resolve() : reject(new Error('the server hung up'))));
  });

  const sleep = (time: number) => new Promise((resolve) => setTimeout(resolve, time));
  await Promise.race([sleep(warmupMs), closed]);
  measuring = true;
  const cpu = process.cpuUsage();
  const from = performance.now();
  await Promise.race([sleep(ms), closed]);
  measuring = false;
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  stopped = true;
  await closed;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? 0) * 1000;
  return { answers, seconds, p50: at(0.5), p99: at(0.99), clientCpu: (user + system) / answers };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  console.log(JSON.stringify(await drive(JSON.parse(process.argv[2]!) as GrpcLoad)));
}
