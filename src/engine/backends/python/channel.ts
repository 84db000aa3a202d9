import { once } from 'node:events';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { bytesOf, type Tensor, viewBytes } from '../../../tensor/index.ts';
import type { Command, Report, WireTensor } from './messages.ts';

/** Tensors of more bytes go through files in shared memory, as messages through a socket would be copied in pieces. */
export const sharedThreshold = 64 * 1024;
/** Files of more bytes are written and read off the event loop. */
const longFile = 1024 * 1024;
const headBytes = 16;
/** No honest message is longer. */
const longestText = 256 * 1024 * 1024;

/** Makes a Tensor of its description; the bytes are not copied where alignment allows. */
export type Resolve = (tensor: WireTensor) => Tensor;
/** Builds a message; `add` gives the description of a tensor that goes with it. */
export type Compose = (add: (tensor: Tensor) => WireTensor) => Command;

/**
 * Framed messages with a worker process: a 16-byte head (u32 length of the JSON, u32 zero, u64 length of the tensors),
 * the JSON, padded with spaces to a multiple of 8, and the tensors, each padded to a multiple of 8. Large tensors lie in
 * one file a message, which the receiver removes. Messages arrive in the order in which they were sent.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #folder: string | undefined;
  readonly #onReport: (report: Report, resolve: Resolve) => void;
  readonly #onBroken: (error: Error) => void;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #reading = false;
  /** Bytes that must be there before it is worth looking again. */
  #wanted = headBytes;
  #sending: Promise<void> | undefined;
  #files = 0;
  #broken = false;

  constructor(
    stream: Duplex,
    folder: string | undefined,
    onReport: (report: Report, resolve: Resolve) => void,
    onBroken: (error: Error) => void,
  ) {
    this.#stream = stream;
    this.#folder = folder;
    this.#onReport = onReport;
    this.#onBroken = onBroken;
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
      if (this.#buffered >= this.#wanted && !this.#reading) void this.#read();
    });
    // The process's exit tells the reason.
    stream.on('error', () => {
      this.#broken = true;
    });
    stream.on('close', () => {
      this.#broken = true;
    });
  }

  /** Resolves when the message is on its way and the other side keeps up. */
  send(compose: Compose): Promise<void> {
    if (this.#sending) {
      const sent = this.#sending.then(() => this.#send(compose));
      this.#follow(sent);
      return sent;
    }
    const sent = this.#send(compose);
    if (sent === undefined) return Promise.resolve();
    this.#follow(sent);
    return sent;
  }

  #follow(sent: Promise<void>): void {
    const tail = sent.then(
      () => {},
      () => {},
    );
    this.#sending = tail;
    void tail.then(() => {
      if (this.#sending === tail) this.#sending = undefined;
    });
  }

  /** Undefined: done at once. */
  #send(compose: Compose): Promise<void> | undefined {
    if (this.#broken) return undefined;
    const inline: Uint8Array[] = [];
    const large: {
      readonly wire: { -readonly [key in keyof WireTensor]: WireTensor[key] };
      readonly bytes: Uint8Array;
    }[] = [];
    let inlineBytes = 0;
    const putInline = (bytes: Uint8Array): number => {
      const offset = inlineBytes;
      const padding = -bytes.length & 7;
      inline.push(bytes);
      if (padding > 0) inline.push(new Uint8Array(padding));
      inlineBytes += bytes.length + padding;
      return offset;
    };
    const command = compose((tensor) => {
      const bytes = bytesOf(tensor);
      const { name, datatype, shape } = tensor;
      const wire: { -readonly [key in keyof WireTensor]: WireTensor[key] } = {
        name,
        datatype,
        shape,
        bytes: bytes.length,
      };
      if (this.#folder !== undefined && bytes.length > sharedThreshold) large.push({ wire, bytes });
      else wire.offset = putInline(bytes);
      return wire;
    });
    const write = (file?: string): Promise<void> | undefined => {
      if (this.#broken) return undefined;
      if (file === undefined) for (const { wire, bytes } of large) wire.offset = putInline(bytes);
      return this.#write(file === undefined ? command : { ...command, file }, inline, inlineBytes);
    };
    if (large.length === 0) return write();
    let at = 0;
    for (const { wire, bytes } of large) {
      wire.at = at;
      at += bytes.length + (-bytes.length & 63);
    }
    this.#files += 1;
    const file = `n${this.#files}`;
    const path = join(this.#folder!, file);
    const places = large.map(({ wire, bytes }) => ({ at: wire.at!, bytes }));
    const noRoom = (): Promise<void> | undefined => {
      for (const { wire } of large) delete wire.at;
      return write();
    };
    if (at <= longFile) return writePlaces(path, places) ? write(file) : noRoom();
    return writePlacesLater(path, places).then((written) => (written ? write(file) : noRoom()));
  }

  #write(message: object, inline: readonly Uint8Array[], inlineBytes: number): Promise<void> | undefined {
    const json = Buffer.from(JSON.stringify(message));
    const padding = -json.length & 7;
    const head = Buffer.alloc(headBytes);
    head.writeUInt32LE(json.length + padding, 0);
    head.writeBigUInt64LE(BigInt(inlineBytes), 8);
    const first = Buffer.concat([head, json, Buffer.alloc(padding, 0x20), ...(inlineBytes < 65536 ? inline : [])]);
    let free = this.#stream.write(first);
    if (inlineBytes >= 65536) for (const bytes of inline) free = this.#stream.write(bytes);
    if (free) return undefined;
    return Promise.race([once(this.#stream, 'drain'), once(this.#stream, 'close')]).then(
      () => {},
      () => {},
    );
  }

  /** Takes all messages apart that have come; the stream waits meanwhile, which holds a fast process back. */
  async #read(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#buffered >= headBytes) {
        const head = this.#gather(headBytes);
        const textBytes = head.readUInt32LE(0);
        const tensorBytes = Number(head.readBigUInt64LE(8));
        if (textBytes > longestText || tensorBytes > 2 ** 40) throw new Error('the process sent what is no message');
        const total = headBytes + textBytes + tensorBytes;
        if (this.#buffered < total) {
          this.#wanted = total;
          return;
        }
        const frame = this.#gather(total);
        this.#chunks[0] = this.#chunks[0]!.subarray(total);
        this.#buffered -= total;
        const start = headBytes + textBytes;
        const report = JSON.parse(frame.toString('utf8', headBytes, start)) as Report & { readonly file?: string };
        let shared: Buffer | undefined;
        if (report.file !== undefined) {
          this.#stream.pause();
          shared = await this.#take(report.file);
          this.#stream.resume();
        }
        const inline = frame.subarray(start, total);
        this.#onReport(report, ({ name, datatype, shape, bytes, offset = 0, at }) => {
          const from = at === undefined ? inline.subarray(offset, offset + bytes) : shared!.subarray(at, at + bytes);
          return { name, datatype, shape, data: viewBytes(datatype, from) };
        });
      }
      this.#wanted = headBytes;
    } catch (error) {
      this.#broken = true;
      this.#onBroken(error as Error);
    } finally {
      this.#reading = false;
    }
  }

  /** The buffered bytes from the first, at least `size` of them, as one piece. */
  #gather(size: number): Buffer {
    if (this.#chunks[0]!.length < size) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  async #take(file: string): Promise<Buffer> {
    const path = join(this.#folder!, file);
    const bytes = await readFile(path);
    await unlink(path);
    return bytes;
  }
}

interface Place {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** False when there is no room, and then no file. */
function writePlaces(path: string, places: readonly Place[]): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'wx');
    for (const { at, bytes } of places) {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
      }
    }
    return true;
  } catch {
    if (descriptor !== undefined) unlinkSync(path);
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

async function writePlacesLater(path: string, places: readonly Place[]): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    try {
      for (const { at, bytes } of places) {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
          done += bytesWritten;
        }
      }
    } finally {
      await handle.close();
    }
    return true;
  } catch {
    await unlink(path).catch(() => {});
    return false;
  }
}
