import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { ConchError, toConchError } from '../base/index.ts';

const inflate = promisify(inflateRaw);

/** What the central directory says of one member. Sizes and offsets in bytes. */
interface Member {
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/** The directory of an archive is read whole; one beyond this is no plausible model. */
const largestDirectory = 64 * 1024 * 1024;

/**
 * The members of a ZIP archive (with ZIP64, as PyTorch writes it), read on demand. Throws
 * FILE_INVALID for what is no such archive, FILE_NOT_FOUND for a file that cannot be opened.
 */
export class ZipArchive {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #members: ReadonlyMap<string, Member>;

  private constructor(path: string, handle: FileHandle, members: ReadonlyMap<string, Member>) {
    this.path = path;
    this.#handle = handle;
    this.#members = members;
  }

  static async open(path: string): Promise<ZipArchive> {
    const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      throw new ConchError('FILE_NOT_FOUND', `${path} cannot be opened: ${error.message}`, { where: { file: path } });
    });
    try {
      return new ZipArchive(path, handle, await readDirectory(handle, path));
    } catch (error) {
      await handle.close();
      throw toConchError(error, 'FILE_INVALID');
    }
  }

  get names(): string[] {
    return [...this.#members.keys()];
  }

  /** The content of a member of at most `most` bytes; undefined when there is none of that name. */
  async read(name: string, most: number): Promise<Buffer | undefined> {
    const member = this.#members.get(name);
    if (member === undefined) return undefined;
    if (member.size > most || member.packed > most)
      throw invalid(
        this.path,
        `${name} in it holds ${Math.max(member.size, member.packed)} bytes, at most ${most} expected`,
      );
    const packed = await readAt(this.#handle, this.path, await this.#start(name, member), member.packed);
    if (member.method === 0) return packed;
    if (member.method !== 8)
      throw invalid(this.path, `${name} is compressed by method ${member.method}, expected 0 or 8`);
    const unpacked = await inflate(packed, { maxOutputLength: most }).catch((error: Error) => {
      throw invalid(this.path, `${name} cannot be unpacked: ${error.message}`);
    });
    return unpacked;
  }

  /** Where the content of a member lies in the file, uncompressed; undefined when there is none of that name. */
  async locate(name: string): Promise<{ readonly offset: number; readonly size: number } | undefined> {
    const member = this.#members.get(name);
    if (member === undefined) return undefined;
    if (member.method !== 0 || member.packed !== member.size)
      throw invalid(this.path, `${name} is compressed by method ${member.method}, expected 0, as torch.save writes it`);
    const offset = await this.#start(name, member);
    const { size } = await this.#handle.stat();
    if (offset + member.size > size)
      throw invalid(this.path, `${name} ends at byte ${offset + member.size}, the file at ${size}`);
    return { offset, size: member.size };
  }

  /** Where a member's content begins: behind a head of its own, whose length only itself tells. */
  async #start(name: string, member: Member): Promise<number> {
    const head = await readAt(this.#handle, this.path, member.offset, 30);
    if (head.readUInt32LE(0) !== 0x04034b50) throw invalid(this.path, `${name} is not where its directory says`);
    return member.offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function readDirectory(handle: FileHandle, path: string): Promise<Map<string, Member>> {
  const { size, offset } = await findDirectory(handle, path);
  if (size > largestDirectory) throw invalid(path, `its directory takes ${size} bytes`);
  const directory = await readAt(handle, path, offset, size);
  const members = new Map<string, Member>();
  for (let at = 0; at + 46 <= size && directory.readUInt32LE(at) === 0x02014b50; ) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((one) => directory.readUInt16LE(at + one)) as [
      number,
      number,
      number,
    ];
    const end = at + 46 + nameLength + extraLength;
    if (end > size) throw invalid(path, 'its directory is cut off');
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    // Two readers would not agree which one is meant.
    if (members.has(name)) throw invalid(path, `${name.slice(0, 200)} stands twice in its directory`);
    members.set(name, memberOf(directory.subarray(at, end), nameLength));
    at = end + commentLength;
  }
  return members;
}

/** One entry of the directory; sizes beyond 32 bits stand in its ZIP64 field. */
function memberOf(entry: Buffer, nameLength: number): Member {
  const method = entry.readUInt16LE(10);
  let [packed, size, offset] = [entry.readUInt32LE(20), entry.readUInt32LE(24), entry.readUInt32LE(42)];
  for (let at = 46 + nameLength; at + 4 <= entry.length; ) {
    const [id, length] = [entry.readUInt16LE(at), entry.readUInt16LE(at + 2)];
    at += 4;
    if (id === 1) {
      let next = at;
      const wide = (value: number) => {
        if (value !== 0xffffffff || next + 8 > Math.min(at + length, entry.length)) return value;
        next += 8;
        return Number(entry.readBigUInt64LE(next - 8));
      };
      size = wide(size);
      packed = wide(packed);
      offset = wide(offset);
    }
    at += length;
  }
  return { method, packed, size, offset };
}

async function findDirectory(handle: FileHandle, path: string): Promise<{ size: number; offset: number }> {
  const { size: fileSize } = await handle.stat();
  const from = Math.max(0, fileSize - 65_557);
  const tail = await readAt(handle, path, from, fileSize - from);
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (at === -1 || at + 22 > tail.length) throw invalid(path, 'it has no ZIP directory');
  const [size, offset] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
  if (offset !== 0xffffffff && size !== 0xffffffff) return { size, offset };
  if (at < 20 || tail.readUInt32LE(at - 20) !== 0x07064b50) throw invalid(path, 'its ZIP64 directory is missing');
  const record = await readAt(handle, path, Number(tail.readBigUInt64LE(at - 12)), 56);
  if (record.readUInt32LE(0) !== 0x06064b50) throw invalid(path, 'its ZIP64 directory is missing');
  return { size: Number(record.readBigUInt64LE(40)), offset: Number(record.readBigUInt64LE(48)) };
}

async function readAt(handle: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  if (!Number.isSafeInteger(position)) throw invalid(path, `nothing can stand at ${position}`);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  if (bytesRead < length) throw invalid(path, `it ends within ${length} bytes that are said to stand at ${position}`);
  return buffer;
}

function invalid(path: string, what: string): ConchError {
  return new ConchError('FILE_INVALID', `${path} is not a whole PyTorch archive: ${what}`, { where: { file: path } });
}
