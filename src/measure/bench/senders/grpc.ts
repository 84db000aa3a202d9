import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import { decodeGrpcMessage, statusFromGrpc } from '../../../protocol/index.ts';
import type { Done, Sender } from '../load-loops.ts';
import type { SenderOptions } from './sender.ts';

interface Call {
  readonly sentAt: number;
  fail(code: string): void;
}

const windowBytes = 64 * 1024 * 1024;
/** Calls that one connection carries before the next is used; servers allow a hundred or more at once. */
const callsAConnection = 64;

/** Unary ModelInfer calls over HTTP/2, each message encoded before. */
export class GrpcSender implements Sender {
  readonly #options: SenderOptions;
  readonly #origin: string;
  readonly #lanes: Lane[] = [];
  readonly #calls = new Set<Call>();
  readonly #watch: NodeJS.Timeout;

  constructor(options: SenderOptions) {
    this.#options = options;
    const url = new URL(options.url);
    const host = url.port === '' ? `${url.hostname}:8001` : url.host;
    this.#origin = `${url.protocol === 'grpcs:' ? 'https' : 'http'}://${host}`;
    this.#watch = setInterval(() => this.#failLate(), 200);
    this.#watch.unref();
  }

  send(index: number, done: Done): void {
    const { messages, headers, now, explain } = this.#options;
    const lane = this.#lane();
    const sentAt = now();
    const stream = lane.session.request(headers);
    lane.open += 1;
    let answer: IncomingHttpHeaders = {};
    let settled = false;
    const settle = (failure: string | undefined) => {
      if (settled) return;
      settled = true;
      lane.open -= 1;
      this.#calls.delete(call);
      done(sentAt, failure);
    };
    const call: Call = {
      sentAt,
      fail: (code) => {
        settle(code);
        stream.close(constants.NGHTTP2_CANCEL);
      },
    };
    this.#calls.add(call);
    stream.on('response', (first) => {
      answer = first;
    });
    stream.on('trailers', (last) => {
      answer = { ...answer, ...last };
    });
    stream.on('error', (error) => {
      explain('SERVER_UNREACHABLE', error.message);
      settle('SERVER_UNREACHABLE');
    });
    stream.on('close', () => settle(failureOf(answer, explain)));
    stream.resume();
    stream.end(messages[index % messages.length]);
  }

  close(): void {
    clearInterval(this.#watch);
    for (const { session } of this.#lanes) session.destroy();
  }

  #lane(): Lane {
    let best: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.session.closed || lane.session.destroyed) continue;
      if (!best || lane.open < best.open) best = lane;
    }
    if (best && (best.open < callsAConnection || this.#lanes.length >= this.#options.connections)) return best;
    const session = connect(this.#origin, { settings: { initialWindowSize: windowBytes } });
    session.on('error', () => {}); // Its streams are told by themselves.
    session.on('connect', () => session.setLocalWindowSize(windowBytes));
    const lane: Lane = { session, open: 0 };
    session.on('close', () => {
      const at = this.#lanes.indexOf(lane);
      if (at >= 0) this.#lanes.splice(at, 1);
    });
    this.#lanes.push(lane);
    return lane;
  }

  #failLate(): void {
    const limit = this.#options.now() - this.#options.timeoutMs;
    for (const call of [...this.#calls]) if (call.sentAt < limit) call.fail('DEADLINE_EXCEEDED');
  }
}

interface Lane {
  readonly session: ClientHttp2Session;
  open: number;
}

function failureOf(answer: IncomingHttpHeaders, explain: SenderOptions['explain']): string | undefined {
  const status = answer['grpc-status'];
  if (Number(status) === 0 && status !== undefined) return undefined;
  if (status === undefined) {
    explain('SERVER_UNREACHABLE', `the connection broke, or HTTP status ${answer[':status'] ?? 'none'}`);
    return 'SERVER_UNREACHABLE';
  }
  const code = `${statusFromGrpc(Number(status))} (gRPC ${status})`;
  explain(code, decodeGrpcMessage(String(answer['grpc-message'] ?? '')));
  return code;
}
