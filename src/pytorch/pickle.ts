/** What a pickle holds, as plain data: nothing is imported, nothing called. Values may be shared, and even contain themselves. */
export type Pickled =
  | null
  | boolean
  | number
  /** Whole numbers beyond 2^53. */
  | bigint
  | string
  | Uint8Array
  | Pickled[]
  | Map<Pickled, Pickled>
  | { readonly kind: 'tuple'; readonly items: readonly Pickled[] }
  | { readonly kind: 'set'; readonly items: Pickled[] }
  /** A name that it would import, module and name apart by a space, e.g. `torch FloatStorage`. */
  | { readonly kind: 'global'; readonly name: string }
  | PickledCall
  /** A reference to data beside the pickle. */
  | { readonly kind: 'persistent'; readonly id: Pickled };

/** A call that it would make. */
export interface PickledCall {
  readonly kind: 'call';
  readonly callee: Pickled;
  readonly args: Pickled;
  /** What it would put into the result by key. */
  entries?: Map<Pickled, Pickled>;
}

type Kind = Extract<Pickled, { kind: string }>['kind'];

export function isPickled<K extends Kind>(value: Pickled | undefined, kind: K): value is Extract<Pickled, { kind: K }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

export interface PickleOptions {
  /** Whether the pickle may name this global; all are allowed unless given, since none is ever looked up. */
  readonly permit?: (name: string) => boolean;
  /** Told of every reference to data beside the pickle, in order. */
  readonly onPersistent?: (id: Pickled) => void;
}

/** A pickle names a global that `permit` refuses. */
export class ForbiddenGlobal extends Error {
  /** As Python writes it, e.g. `os.system`. */
  readonly global: string;

  constructor(global: string) {
    super(`it names ${global}`);
    this.global = global;
  }
}

/** The bytes end before the pickle does. */
export class PickleTruncated extends Error {}

/** Far above what any state dict holds; bounds the memory that a hostile pickle can take. */
const mostValues = 2_000_000;
/** PyTorch's largest integer, its magic number, has 10 bytes. */
const longestInteger = 64;

/**
 * Reads one pickle of protocols 2 to 5 (opcodes: CPython's `pickletools`) and says where it ends. Throws an Error that
 * says what is wrong with any other one. Takes linear time and never recurses.
 */
export function readPickle(bytes: Buffer, options: PickleOptions = {}): { value: Pickled; end: number } {
  return new PickleReader(bytes, options).read();
}

class PickleReader {
  readonly #bytes: Buffer;
  readonly #options: PickleOptions;
  #at = 0;
  #values = 0;
  #stack: Pickled[] = [];
  /** The stacks below the open marks. */
  readonly #below: Pickled[][] = [];
  readonly #memo = new Map<number, Pickled>();

  constructor(bytes: Buffer, options: PickleOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  read(): { value: Pickled; end: number } {
    for (;;) {
      const opcode = String.fromCharCode(this.#take(1)[0]!);
      if (opcode === '.') return { value: this.#pop(), end: this.#at };
      const value = this.#value(opcode);
      if (value === undefined) this.#effect(opcode);
      else this.#push(value);
    }
  }

  /** What an opcode pushes; undefined for one that pushes nothing. */
  #value(opcode: string): Pickled | undefined {
    switch (opcode) {
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
      case 'l': // LIST
        return this.#sinceMark();
      case '}':
        return new Map();
      case '\x8f': // EMPTY_SET
        return { kind: 'set', items: [] };
      case '\x91': // FROZENSET
        return { kind: 'set', items: this.#sinceMark() };
      case 'Q': // BINPERSID
        return this.#persistent(this.#pop());
      case 'R':
      case '\x81': {
        // REDUCE, NEWOBJ
        const args = this.#pop();
        return { kind: 'call', callee: this.#pop(), args };
      }
      default:
        return this.#name(opcode) ?? this.#recalled(opcode) ?? this.#number(opcode) ?? this.#text(opcode);
    }
  }

  #name(opcode: string): Pickled | undefined {
    if (opcode === 'c') {
      const module = this.#line();
      return this.#global(module, this.#line());
    }
    if (opcode !== '\x93') return undefined; // STACK_GLOBAL
    const [name, module] = [this.#pop(), this.#pop()];
    if (typeof name === 'string' && typeof module === 'string') return this.#global(module, name);
    throw new Error(`a name at byte ${this.#at} that is no text`);
  }

  #global(module: string, name: string): Pickled {
    const global = `${module} ${name}`;
    if (this.#options.permit?.(global) === false) throw new ForbiddenGlobal(`${module}.${name}`.slice(0, 200));
    return { kind: 'global', name: global };
  }

  #persistent(id: Pickled): Pickled {
    this.#options.onPersistent?.(id);
    return { kind: 'persistent', id };
  }

  #recalled(opcode: string): Pickled | undefined {
    if (opcode !== 'h' && opcode !== 'j') return undefined; // BINGET, LONG_BINGET
    const index = opcode === 'h' ? this.#take(1)[0]! : this.#take(4).readUInt32LE();
    const value = this.#memo.get(index);
    if (value === undefined) throw new Error(`nothing was remembered as ${index}`);
    return value;
  }

  #number(opcode: string): Pickled | undefined {
    switch (opcode) {
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
      default:
        return undefined;
    }
  }

  #text(opcode: string): Pickled | undefined {
    switch (opcode) {
      case '\x8c': // SHORT_BINUNICODE
      case 'U': // SHORT_BINSTRING, Python 2's text
        return this.#take(this.#take(1)[0]!).toString();
      case 'X': // BINUNICODE
      case 'T': // BINSTRING
        return this.#take(this.#take(4).readUInt32LE()).toString();
      case 'C': // SHORT_BINBYTES
        return this.#take(this.#take(1)[0]!);
      case 'B': // BINBYTES
        return this.#take(this.#take(4).readUInt32LE());
      default:
        return undefined;
    }
  }

  #effect(opcode: string): void {
    switch (opcode) {
      case '\x80': // PROTO
        this.#take(1);
        break;
      case '\x95': // FRAME: the opcodes in it follow as they are.
        this.#take(8);
        break;
      case 'q': // BINPUT
        this.#remember(this.#take(1)[0]!);
        break;
      case 'r': // LONG_BINPUT
        this.#remember(this.#take(4).readUInt32LE());
        break;
      case '\x94': // MEMOIZE
        this.#remember(this.#memo.size);
        break;
      case '(': // MARK
        this.#count();
        this.#below.push(this.#stack);
        this.#stack = [];
        break;
      case '0': // POP
        this.#pop();
        break;
      case '1': // POP_MARK
        this.#sinceMark();
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
      case '\x90': // ADDITEMS
        this.#add(this.#sinceMark());
        break;
      case 'b': // BUILD: attributes of an object, such as the versions of modules in `_metadata`.
        this.#pop();
        this.#top();
        break;
      default:
        throw new Error(`opcode ${JSON.stringify(opcode)} at byte ${this.#at - 1}`);
    }
  }

  #push(value: Pickled): void {
    this.#count();
    this.#stack.push(value);
  }

  #count(): void {
    if (++this.#values > mostValues) throw new Error(`it holds more than ${mostValues} values`);
  }

  #pop(): Pickled {
    const value = this.#stack.pop();
    if (value === undefined) throw new Error(`nothing on the stack at byte ${this.#at}`);
    return value;
  }

  #top(): Pickled {
    const value = this.#stack.at(-1);
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
    const list = this.#top();
    if (!Array.isArray(list)) throw new Error(`no list to append to at byte ${this.#at}`);
    for (const item of items) list.push(item);
  }

  #add(items: readonly Pickled[]): void {
    const set = this.#top();
    if (!isPickled(set, 'set')) throw new Error(`no set to add to at byte ${this.#at}`);
    for (const item of items) set.items.push(item);
  }

  #set(items: readonly Pickled[]): void {
    const target = this.#top();
    let map: Map<Pickled, Pickled> | undefined;
    if (target instanceof Map) map = target;
    else if (isPickled(target, 'call')) {
      target.entries ??= new Map();
      map = target.entries;
    }
    if (map === undefined || items.length % 2 !== 0) throw new Error(`no dictionary to add to at byte ${this.#at}`);
    for (let index = 0; index < items.length; index += 2) map.set(items[index]!, items[index + 1]!);
  }

  #remember(index: number): void {
    if (this.#memo.size > mostValues) throw new Error(`it remembers more than ${mostValues} values`);
    this.#memo.set(index, this.#top());
  }

  #line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end === -1) throw new PickleTruncated(`a name at byte ${this.#at} that does not end`);
    const line = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return line;
  }

  #take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new PickleTruncated(`it ends at byte ${this.#bytes.length}`);
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

/** A little-endian number in two's complement. */
function longOf(bytes: Buffer): number | bigint {
  if (bytes.length > longestInteger) throw new Error(`an integer of ${bytes.length} bytes`);
  const unsigned = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const integer = BigInt.asIntN(bytes.length * 8, unsigned);
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
}
