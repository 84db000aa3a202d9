import { invalid } from './proto-file.ts';

/** What stands in front of the descriptor: in code of protoc since 3.20, and in older code. */
const marks = /AddSerializedFile\(\s*|\bserialized_pb\s*=\s*(?:_b\(\s*)?/g;

const simpleEscapes: Readonly<Record<string, number>> = {
  '\\': 0x5c,
  "'": 0x27,
  '"': 0x22,
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
};

/**
 * The serialised descriptors in a Python module that protoc generated (`*_pb2.py`). The bytes literals are read, the
 * module is not run. None when the module has none, as one that only imports another.
 *
 * @throws FILE_INVALID with line and column, when a literal is broken.
 */
export function pythonDescriptors(text: string, source: string): Uint8Array[] {
  return [...text.matchAll(marks)].map((mark) => new LiteralReader(text, mark.index + mark[0].length, source).read());
}

class LiteralReader {
  readonly #text: string;
  readonly #source: string;
  readonly #bytes: number[] = [];
  #at: number;

  constructor(text: string, at: number, source: string) {
    this.#text = text;
    this.#at = at;
    this.#source = source;
  }

  /** One literal or several in a row, which Python joins. */
  read(): Uint8Array {
    do this.#literal();
    while (this.#opensLiteral());
    return Uint8Array.from(this.#bytes);
  }

  #opensLiteral(): boolean {
    const space = /[ \t\r\n]*/y;
    space.lastIndex = this.#at;
    const next = this.#at + space.exec(this.#text)![0].length;
    if (!/^[bB]?['"]/.test(this.#text.slice(next, next + 2))) return false;
    this.#at = next;
    return true;
  }

  #literal(): void {
    const text = this.#text;
    const start = this.#at;
    if (/[bB]/.test(text[this.#at] ?? '')) this.#at++;
    const quote = text[this.#at];
    if (quote !== "'" && quote !== '"') {
      throw this.#broken(
        start,
        `expected a bytes literal b'...', found ${JSON.stringify(text.slice(start, start + 20))}`,
      );
    }
    this.#at++;
    while (text[this.#at] !== quote) {
      const code = text.charCodeAt(this.#at);
      if (Number.isNaN(code) || code === 0x0a || code === 0x0d) {
        throw this.#broken(start, 'the bytes literal that starts here does not end on its line');
      }
      if (code > 0x7f) throw this.#broken(this.#at, 'a bytes literal holds ASCII only');
      if (code === 0x5c) this.#escape();
      else {
        this.#bytes.push(code);
        this.#at++;
      }
    }
    this.#at++;
  }

  #escape(): void {
    const text = this.#text;
    const start = this.#at;
    const letter = text[start + 1] ?? '';
    const simple = simpleEscapes[letter];
    if (simple !== undefined) {
      this.#bytes.push(simple);
      this.#at += 2;
    } else if (letter === '\n' || letter === '\r') {
      this.#at += text.startsWith('\r\n', start + 1) ? 3 : 2; // A line continued.
    } else if (letter === 'x') {
      const digits = text.slice(start + 2, start + 4);
      if (!/^[0-9a-fA-F]{2}$/.test(digits))
        throw this.#broken(start, `\\x takes two hex digits, found ${shown(digits)}`);
      this.#bytes.push(Number.parseInt(digits, 16));
      this.#at += 4;
    } else {
      const octal = /^[0-7]{1,3}/.exec(text.slice(start + 1, start + 4))?.[0];
      if (octal === undefined) throw this.#broken(start, `unknown escape \\${letter}`);
      const value = Number.parseInt(octal, 8);
      if (value > 0xff) throw this.#broken(start, `\\${octal} is beyond a byte`);
      this.#bytes.push(value);
      this.#at += 1 + octal.length;
    }
  }

  #broken(at: number, problem: string) {
    const before = this.#text.slice(0, at).split('\n');
    return invalid(this.#source, problem, { line: before.length, column: before.at(-1)!.length + 1 });
  }
}

function shown(text: string): string {
  return JSON.stringify(text);
}
