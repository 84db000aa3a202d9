import { readFileSync } from 'node:fs';
import net from 'node:net';
import { pathToFileURL } from 'node:url';

// A load generator as cheap as it can be, so that what it drives is what is measured: requests are encoded before,
// answers are only cut apart. One process; run as `node bench/load.ts '{"port":8000,...}'`.

export interface Load {
  readonly port: number;
  /** A whole request, head and body, in base64; several are sent in turn. */
  readonly request: string | readonly string[];
  /** Connections, each with one request under way. */
  readonly concurrency: number;
  readonly warmupMs: number;
  readonly ms: number;
}

export interface LoadResult {
  readonly [key: string]: number;
  /** Answers within the measured time. */
  readonly answers: number;
  readonly seconds: number;
  /** Microseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of processor time that this process spent on an answer. */
  readonly clientCpu: number;
}

/** Bytes of the answer at the start of `bytes`, 0 while its head is not there. */
function answerLength(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const head = bytes.toString('latin1', 0, end);
  if (!head.startsWith('HTTP/1.1 200')) throw new Error(`not an answer: ${bytes.toString('latin1', 0, 400)}`);
  const length = /\r\ncontent-length: (\d+)/i.exec(head);
  if (!length) throw new Error(`an answer without Content-Length: ${head}`);
  return end + 4 + Number(length[1]);
}

async function drive({ port, request, concurrency, warmupMs, ms }: Load): Promise<LoadResult> {
  const requests = [request].flat().map((text) => Buffer.from(text, 'base64'));
  let next = 0;
  const latencies: number[] = [];
  let answers = 0;
  let measuring = false;
  let stopped = false;

  const connect = () =>
    new Promise<void>((resolve, reject) => {
      let sentAt = 0;
      let held: Buffer = Buffer.alloc(0);
      const send = () => {
        sentAt = performance.now();
        socket.write(requests[next++ % requests.length]!);
      };
      const take = (count: number, buffer: Uint8Array): boolean => {
        let chunk = Buffer.from(buffer.buffer, buffer.byteOffset, count);
        if (held.length > 0) chunk = Buffer.concat([held, chunk]);
        const length = answerLength(chunk);
        if (length === 0 || chunk.length < length) {
          held = Buffer.from(chunk);
          return true;
        }
        held = Buffer.from(chunk.subarray(length));
        if (measuring) {
          answers++;
          latencies.push(performance.now() - sentAt);
        }
        if (stopped) socket.destroy();
        else send();
        return true;
      };
      const socket = net.connect({
        port,
        host: '127.0.0.1',
        noDelay: true,
        onread: { buffer: Buffer.allocUnsafe(65_536), callback: take },
      });
      socket.once('connect', send);
      socket.once('error', reject);
      socket.once('close', () => (stopped ? resolve() : reject(new Error('the server hung up'))));
    });

  const connections = Array.from({ length: concurrency }, connect);
  const sleep = (time: number) => new Promise((resolve) => setTimeout(resolve, time));
  const work = (async () => {
    await sleep(warmupMs);
    measuring = true;
    const cpu = process.cpuUsage();
    const from = performance.now();
    await sleep(ms);
    measuring = false;
    const seconds = (performance.now() - from) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    stopped = true;
    return { seconds, cpu: user + system };
  })();
  const [{ seconds, cpu }] = await Promise.all([work, ...connections]);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? 0) * 1000;
  return { answers, seconds, p50: at(0.5), p99: at(0.99), clientCpu: cpu / answers };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  // Many requests are too much for an argument.
  const text = process.argv[2] ?? readFileSync(0, 'utf8');
  console.log(JSON.stringify(await drive(JSON.parse(text) as Load)));
}
