import { closeBrace, closeBracket, colon, comma, JsonTokens, openBrace, openBracket, quote } from './json-tokens.ts';

/** A parsed JSON value. Integers beyond 2^53 are bigints; objects have no prototype. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | { [key: string]: JsonValue };

/** Levels of nesting that `readValue` and `skipValue` accept. */
const maxDepth = 512;

/**
 * Reads JSON front to back without building a document: whoever asks walks objects with `nextKey` and arrays with
 * `nextElement`, and numbers go straight to where they are wanted. `readValue` builds a document where one is wanted.
 */
export class JsonReader extends JsonTokens {
  /** Nothing but white space may follow. */
  expectEnd(): void {
    if (this.peek() !== -1) this.fail('unexpected text after the value');
  }

  /** Enters an object or array that must come next. `what` names it in the error. */
  open(kind: 'object' | 'array', what: string): void {
    const byte = this.peek();
    if (byte === -1) this.fail(`ends where ${what} should be`);
    if (byte !== (kind === 'object' ? openBrace : openBracket)) {
      this.fail(`${what} must be an ${kind}, got ${this.describe()}`);
    }
    this.position++;
  }

  /** In an object: the next member's key, with the position before its value; undefined past the last member. */
  nextKey(first: boolean): string | undefined {
    let byte = this.peek();
    if (byte === closeBrace) {
      this.position++;
      return undefined;
    }
    if (!first) {
      if (byte !== comma) this.fail(byte === -1 ? 'ends inside an object' : "expected ',' or '}' in an object");
      this.position++;
      byte = this.peek();
    }
    if (byte !== quote) this.fail(byte === -1 ? 'ends inside an object' : 'expected a quoted member name');
    const key = this.readString('a member name');
    if (this.peek() !== colon) this.fail(`expected ':' after '${key}'`);
    this.position++;
    return key;
  }

  /** In an array: whether an element follows; leaves the array otherwise. */
  nextElement(first: boolean): boolean {
    const byte = this.peek();
    if (byte === closeBracket) {
      this.position++;
      return false;
    }
    if (!first) {
      if (byte !== comma) this.fail(byte === -1 ? 'ends inside an array' : "expected ',' or ']' in an array");
      this.position++;
      const next = this.peek();
      if (next === closeBracket) this.fail("expected a value after ','");
    }
    if (this.position >= this.end) this.fail('ends inside an array');
    return true;
  }

  /** Any value, as a document. */
  readValue(depth = 0): JsonValue {
    const byte = this.peek();
    if (depth > maxDepth) this.fail(`more than ${maxDepth} levels of nesting`);
    switch (byte) {
      case openBrace: {
        const object: { [key: string]: JsonValue } = Object.create(null);
        this.position++;
        for (let key = this.nextKey(true); key !== undefined; key = this.nextKey(false)) {
          const value = this.readValue(depth + 1);
          // Of equal names the first counts, as in Triton.
          if (!(key in object)) object[key] = value;
        }
        return object;
      }
      case openBracket: {
        const array: JsonValue[] = [];
        this.position++;
        for (let first = true; this.nextElement(first); first = false) array.push(this.readValue(depth + 1));
        return array;
      }
      case quote:
        return this.readString('a value');
      case 0x74:
      case 0x66:
        return this.readBoolean('a value');
      case 0x6e:
        this.readNull();
        return null;
      case -1:
        this.fail('ends where a value should be');
    }
    return this.readAnyNumber('a value');
  }

  /** Passes over any value, checking its syntax. */
  skipValue(depth = 0): void {
    if (depth > maxDepth) this.fail(`more than ${maxDepth} levels of nesting`);
    switch (this.peek()) {
      case openBrace:
        this.position++;
        for (let key = this.nextKey(true); key !== undefined; key = this.nextKey(false)) this.skipValue(depth + 1);
        return;
      case openBracket:
        this.position++;
        for (let first = true; this.nextElement(first); first = false) this.skipValue(depth + 1);
        return;
      case quote:
        this.skipString();
        return;
      case 0x74:
      case 0x66:
        this.readBoolean('a value');
        return;
      case 0x6e:
        this.readNull();
        return;
      case -1:
        this.fail('ends where a value should be');
    }
    this.readNumber('a value');
  }
}
