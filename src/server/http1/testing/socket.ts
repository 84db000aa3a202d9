import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

/** A socket whose other end is a test: what arrives is told by hand, what is written is kept. */
export class TestSocket extends EventEmitter {
  written: Buffer[] = [];
  hasEnded = false;
  isDestroyed = false;
  isPaused = false;
  writableNeedDrain = false;
  writableLength = 0;

  get asSocket(): Socket {
    return this as unknown as Socket;
  }

  get output(): Buffer {
    return Buffer.concat(this.written);
  }

  /** Hung up, in whatever way. */
  get isOver(): boolean {
    return this.hasEnded || this.isDestroyed;
  }

  write(data: string | Uint8Array, encoding: BufferEncoding = 'utf8'): boolean {
    if (this.hasEnded) throw new Error('written after the end');
    if (!this.isDestroyed)
      this.written.push(typeof data === 'string' ? Buffer.from(data, encoding) : Buffer.from(data));
    return !this.writableNeedDrain;
  }

  end(): void {
    this.hasEnded = true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  destroySoon(): void {
    this.end();
    this.destroy();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  cork(): void {}
  uncork(): void {}
}
