/** What a pickle holds, as plain data: nothing is imported, nothing called. */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Pickled[]
  | Map<Pickled, Pickled>
  | { readonly kind: 'tuple'; readonly items: readonly Pickled[] }
  /** A name that it would import, e.g. `torch FloatStorage`. */
  | { readonly kind: 'global'; readonly name: string }
  /** A call that it would make. */
  | { readonly kind: 'call'; readonly callee: Pickled; readonly args: Pickled }
  /** A reference to data beside the pickle. */
  | { readonly kind: 'persistent'; readonly id: Pickled };

/**
 * Reads a pickle with the opcodes that TorchScript writes for data (protocol 2; torch's `pickler.h`). Throws an Error
 * that says what is wrong with any other one. Takes linear time and never recurses.
 */
export function readPickle(bytes: Buffer): Pickled {
  return new PickleReader(bytes).read();
}

class PickleReader {
  readonly #bytes: Buffer;
  #at = 0;
  #stack: Pickled[] = [];
  /** The stacks below the open marks. */
  readonly #below: Pickled[][] = [];
  readonly #memo = new Map<number, Pickled>();

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): Pickled {
    for (;;) {
      const opcode = String.fromCharCode(this.#take(1)[0]!);
      if (opcode === '.') return this.#pop();
      const value = this.#value(opcode);
      if (value === undefined) this.#effect(opcode);
      else this.#stack.push(value);
    }
  }

  /** What an opcode pushes; undefined for one that pushes nothing. */
  #value(opcode: string): Pickled | undefined {
    switch (opcode) {
      case 'c': {
        const module = this.#line();
        return { kind: 'global', name: `${module} ${this.#line()}` };
      }
      case 'h': // BINGET
        return this.#recall(this.#take(1)[0]!);
      case 'j': // LONG_BINGET
        return this.#recall(this.#take(4).readUInt32LE());
      case 'K': // BININT1
        return this.#take(1)[0]!;
      case 'M': // BININT2
        return this.#take(2).readUInt16LE();
      case 'J': // BININT
        return this.#take(4).readInt32LE();
      case '\x8a': // LONG1
        return longOf(this.#take(this.#take(1)[0]!));
      case 'G': // BINFLOAT
        return this.#take(8).readDoubleBE();
      case 'X': // BINUNICODE
        return this.#take(this.#take(4).readUInt32LE()).toString();
      case 'N':
        return null;
      case '\x88':
        return true;
      case '\x89':
        return false;
      case ')':
        return { kind: 'tuple', items: [] };
      case '\x85': // TUPLE1
      case '\x86':
      case '\x87':
        return {
          kind: 'tuple',
          items: Array.from({ length: opcode.charCodeAt(0) - 0x84 }, () => this.#pop()).reverse(),
        };
      case 't':
        return { kind: 'tuple', items: this.#sinceMark() };
      case ']':
        return [];
      case '}':
        return new Map();
      case 'Q': // BINPERSID
        return { kind: 'persistent', id: this.#pop() };
      case 'R': {
        const args = this.#pop();
        return { kind: 'call', callee: this.#pop(), args };
      }
      default:
        return undefined;
    }
  }

  #effect(opcode: string): void {
    switch (opcode) {
      case '\x80': // PROTO
        this.#take(1);
        break;
      case 'q': // BINPUT
        this.#remember(this.#take(1)[0]!);
        break;
      case 'r': // LONG_BINPUT
        this.#remember(this.#take(4).readUInt32LE());
        break;
      case '(': // MARK
        this.#below.push(this.#stack);
        this.#stack = [];
        break;
      case 'a': // APPEND
        this.#append([this.#pop()]);
        break;
      case 'e': // APPENDS
        this.#append(this.#sinceMark());
        break;
      case 's': // SETITEM
        this.#set([this.#pop(), this.#pop()].reverse());
        break;
      case 'u': // SETITEMS
        this.#set(this.#sinceMark());
        break;
      default:
        throw new Error(`opcode ${JSON.stringify(opcode)} at byte ${this.#at - 1}`);
    }
  }

  #pop(): Pickled {
    const value = this.#stack.pop();
    if (value === undefined) throw new Error(`nothing on the stack at byte ${this.#at}`);
    return value;
  }

  #sinceMark(): Pickled[] {
    const items = this.#stack;
    const below = this.#below.pop();
    if (below === undefined) throw new Error(`no mark before byte ${this.#at}`);
    this.#stack = below;
    return items;
  }

  #append(items: readonly Pickled[]): void {
    const list = this.#stack.at(-1);
    if (!Array.isArray(list)) throw new Error(`no list to append to at byte ${this.#at}`);
    for (const item of items) list.push(item);
  }

  #set(items: readonly Pickled[]): void {
    const map = this.#stack.at(-1);
    if (!(map instanceof Map)) throw new Error(`no dictionary to add to at byte ${this.#at}`);
    for (let index = 0; index + 1 < items.length; index += 2) map.set(items[index]!, items[index + 1]!);
  }

  #remember(index: number): void {
    const value = this.#stack.at(-1);
    if (value !== undefined) this.#memo.set(index, value);
  }

  #recall(index: number): Pickled {
    const value = this.#memo.get(index);
    if (value === undefined) throw new Error(`nothing was remembered as ${index}`);
    return value;
  }

  #line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end === -1) throw new Error(`a name at byte ${this.#at} that does not end`);
    const line = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return line;
  }

  #take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new Error(`it ends at byte ${this.#bytes.length}`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

/** A little-endian number in two's complement. */
function longOf(bytes: Buffer): number {
  const unsigned = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return Number(BigInt.asIntN(bytes.length * 8, unsigned));
}
