import type { Socket } from 'node:net';
import { ConchError } from '../../base/index.ts';
import { Body } from './body.ts';
import type { BodyBudget } from './budget.ts';
import { Call } from './call.ts';
import { maxHeadBytes, parseHead } from './head.ts';
import { Refusal } from './refusal.ts';
import { dateLine, headerLines, statusLine } from './response-head.ts';

/** What all connections of a listener share. */
export interface Host {
  /** Begins to answer; must not throw. */
  readonly onRequest: (call: Call) => void;
  readonly budget: BodyBudget;
  /** Milliseconds. */
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly idleTimeout: number;
  /** No requests are to follow those under way. */
  readonly isClosing: boolean;
  forget(connection: Connection): void;
}

/** Bytes of further requests that are kept while one is being answered; the rest stays with the client. */
const maxHeld = 16_384;
/** How long to go on reading after an answer that ends the connection, so that the client gets to see it. */
const lingerMs = 2000;
/** Bytes a millisecond that a client must read at the least, beyond the time that it has anyway. */
const leastRate = 64;
/** Requests that share an AbortSignal, which bounds what forgotten listeners can add up to. */
const requestsPerSignal = 256;

const nothing = Buffer.alloc(0);
const lf = 0x0a;
const cr = 0x0d;

/**
 * One connection of HTTP/1.1: requests are read and answered one after the other, further ones wait on the wire. Every
 * request gets exactly one answer, or the connection is closed.
 */
export class Connection {
  isDestroyed = false;
  /** When patience ends, as `performance.now` tells time; whoever owns the connection calls `expire` then. */
  deadline: number;
  private readonly socket: Socket;
  private readonly host: Host;
  private call: Call | undefined;
  /** Bytes that nothing has used yet. */
  private held: Buffer | undefined;
  private isAdvancing = false;
  /** The client has said that it sends no more. */
  private hasEnded = false;
  /** The last answer is on its way. */
  private isFinal = false;
  private isPaused = false;
  /** No request has come yet, whole or in part. */
  private isFresh = true;
  /** The client sends its body only when told to, and has not been told. */
  private awaitsGoAhead = false;
  /** When the request being read began. */
  private since: number | undefined;
  private controller: AbortController | undefined;
  private signalUses = 0;
  private whenDrained: (() => void)[] | undefined;

  constructor(socket: Socket, host: Host) {
    this.socket = socket;
    this.host = host;
    this.since = performance.now();
    this.deadline = this.since + host.headersTimeout;
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => this.clientEnded());
    socket.on('drain', () => this.clientTookAll());
    // A broken connection is nothing to report; `close` follows.
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  /** Aborted when the client goes away. */
  get signal(): AbortSignal {
    if (this.controller === undefined || (this.signalUses >= requestsPerSignal && !this.controller.signal.aborted)) {
      this.controller = new AbortController();
      this.signalUses = 0;
      if (this.isDestroyed || this.hasEnded) this.controller.abort();
    }
    this.signalUses++;
    return this.controller.signal;
  }

  /** Ends what is idle at once, and the rest after the answer under way. */
  close(): void {
    const { call } = this;
    const unused = call === undefined ? this.held === undefined : call.isDone;
    if (this.isFinal) this.socket.destroySoon();
    else if (unused) this.destroy();
  }

  /** Patience is at an end: asks what for. */
  expire(): void {
    const { call } = this;
    const isReading = call === undefined ? this.held !== undefined || this.isFresh : !call.body.isComplete;
    const hopeless = this.isFinal || this.socket.writableNeedDrain;
    if (hopeless || !isReading || call?.isStarted) this.destroy();
    else this.refuse(new Refusal(408, 'the request did not arrive in time'));
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.socket.destroy();
    this.held = undefined;
    this.abandonCall();
    this.clientTookAll();
    this.host.forget(this);
  }

  // What a call needs of its connection.

  /** Whether another request may follow this one's answer. */
  mayKeep({ body }: Call): boolean {
    return !this.host.isClosing && !body.isHopeless && (body.hasBegun || !this.awaitsGoAhead);
  }

  bodyIsWanted(goAhead: boolean): void {
    if (goAhead) {
      this.awaitsGoAhead = false;
      this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
    }
    this.settle();
  }

  /** `isAscii`: its length in bytes is its length. */
  writeText(text: string, isAscii: boolean): boolean {
    return text === '' || this.wrote(this.socket.write(text, isAscii ? 'latin1' : 'utf8'));
  }

  write(bytes: Uint8Array): boolean {
    return this.wrote(this.socket.write(bytes));
  }

  cork(): void {
    this.socket.cork();
  }

  uncork(): void {
    this.socket.uncork();
  }

  get unreadBytes(): number {
    return this.socket.writableLength;
  }

  drained(): Promise<void> {
    if (this.isDestroyed || !this.socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.whenDrained ??= [];
      this.whenDrained.push(resolve);
    });
  }

  /** The call under way has its answer; what is left of its body is passed over. */
  answered({ body }: Call): void {
    if (!body.isComplete) body.drop(new ConchError('REQUEST_CANCELLED', 'the request was answered before it was read'));
    if (!this.isAdvancing) this.advance(this.held ?? nothing);
  }

  private wrote(goOn: boolean): boolean {
    if (!goOn) this.deadline = performance.now() + this.timeToTake();
    return goOn;
  }

  /** Milliseconds that a client gets for what is written and not taken yet. */
  private timeToTake(): number {
    return this.host.requestTimeout + this.socket.writableLength / leastRate;
  }

  private receive(chunk: Buffer): void {
    if (this.isFinal || this.isDestroyed) return;
    const { held } = this;
    if (held === undefined) {
      this.advance(chunk);
      return;
    }
    const bytes = Buffer.concat([held, chunk]);
    // A head that comes in crumbs is looked at again only when a line more of it is there.
    if (this.call === undefined && bytes.length < maxHeadBytes && !chunk.includes(lf)) this.held = bytes;
    else this.advance(bytes);
  }

  /** Does what can be done with `bytes`, and keeps the rest. */
  private advance(bytes: Buffer): void {
    let position = 0;
    this.isAdvancing = true;
    try {
      for (;;) {
        const { call } = this;
        if (call) {
          if (!call.body.isComplete) position = call.body.feed(bytes, position);
          if (!call.isDone || (!call.body.isComplete && call.keepAlive)) break;
          call.body.release();
          this.call = undefined;
          this.since = undefined;
          if (!call.keepAlive) {
            this.finish(call.body.isComplete && position === bytes.length);
            return;
          }
        }
        // Empty lines before a request are passed over (RFC 9112, 2.2).
        while (bytes[position] === cr && bytes[position + 1] === lf) position += 2;
        const halfLine = bytes[position] === cr && position + 1 === bytes.length;
        if (position >= bytes.length || halfLine || this.socket.writableNeedDrain) break;
        const head = parseHead(bytes, position);
        if (!head) break;
        position = head.end;
        // Tunnels are for proxies.
        if (head.method === 'CONNECT') {
          this.destroy();
          return;
        }
        this.isFresh = false;
        this.awaitsGoAhead = head.expectsContinue;
        const body = new Body(head.bodyLength, this.host.budget);
        const next = new Call(this, head, body);
        this.call = next;
        if (!body.isComplete) position = body.feed(bytes, position);
        this.host.onRequest(next);
        if (this.isDestroyed) return;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) {
        this.destroy();
        throw error;
      }
      this.refuse(error);
      return;
    } finally {
      this.isAdvancing = false;
    }
    this.held = position < bytes.length ? bytes.subarray(position) : undefined;
    this.settle();
  }

  /** After something has changed: whether to read on, and for how long to wait. */
  private settle(): void {
    if (this.isDestroyed || this.isFinal) return;
    const { call, host } = this;
    let pause = false;
    if (call === undefined && this.held === undefined) {
      if (this.hasEnded || (host.isClosing && !this.isFresh)) {
        this.finish(true);
        return;
      }
      if (!this.isFresh) {
        this.deadline = performance.now() + (this.socket.writableNeedDrain ? this.timeToTake() : host.idleTimeout);
      }
    } else if (call?.body.isComplete) {
      pause = this.held !== undefined && this.held.length >= maxHeld;
      if (!this.socket.writableNeedDrain) this.deadline = Number.POSITIVE_INFINITY;
    } else if (this.hasEnded) {
      // What is missing will not come any more.
      this.destroy();
      return;
    } else {
      this.since ??= performance.now();
      this.deadline = this.since + (call === undefined ? host.headersTimeout : host.requestTimeout);
      pause = call === undefined ? this.socket.writableNeedDrain : call.body.isWaiting && !call.isDone;
    }
    if (pause === this.isPaused) return;
    this.isPaused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }

  /** An end of the client's side with a request under way is a client that went away: nobody else sends one. */
  private clientEnded(): void {
    this.hasEnded = true;
    if (this.isFinal) {
      this.socket.destroySoon();
      return;
    }
    if (this.call && !this.call.isDone) this.controller?.abort();
    // A last look at the beginning of a head: if it is none, that can still be said.
    if (this.call === undefined && this.held !== undefined) this.advance(this.held);
    else this.settle();
  }

  private clientTookAll(): void {
    const waiting = this.whenDrained;
    this.whenDrained = undefined;
    for (const resolve of waiting ?? []) resolve();
    if (this.isDestroyed || this.isFinal) return;
    if (this.call === undefined && this.held !== undefined) this.advance(this.held);
    else this.settle();
  }

  /** Answers what is not HTTP, or takes too long to become it, and hangs up. */
  private refuse({ status, reason }: Refusal): void {
    const { call } = this;
    // Amid an answer more text would only garble it; after one there is nothing to say.
    if (call?.isStarted) {
      if (call.isDone) this.finish(false);
      else this.destroy();
      return;
    }
    const body = JSON.stringify({ error: reason });
    const headers = ['Content-Length', Buffer.byteLength(body), 'Content-Type', 'application/json'];
    const head = `${statusLine(status)}${headerLines(headers)}Connection: close\r\n${dateLine()}\r\n`;
    this.socket.write(call?.method === 'HEAD' ? head : head + body, 'latin1');
    this.abandonCall();
    this.finish(false);
  }

  /** The call under way is over without an answer from whoever works on it. */
  private abandonCall(): void {
    const { call } = this;
    if (!call) return;
    if (!call.isDone) {
      call.isDone = true;
      this.controller?.abort();
      call.body.drop(new ConchError('REQUEST_CANCELLED', 'the client went away while sending'));
    }
    call.body.release();
    this.call = undefined;
  }

  /**
   * Hangs up once everything is written. Who may still be sending is listened to for a while: closing at once would
   * make the client's system throw the answer away unread.
   */
  private finish(allRead: boolean): void {
    if (this.isDestroyed || this.isFinal) return;
    this.isFinal = true;
    this.held = undefined;
    this.deadline = performance.now() + (allRead ? this.timeToTake() : lingerMs);
    if (allRead || this.host.isClosing) this.socket.destroySoon();
    else {
      this.socket.end();
      if (this.isPaused) this.socket.resume();
    }
  }
}
