/**
 * HPACK's Huffman code (RFC 7541, appendix B) is canonical, so the lengths of its codes say all: one letter for each
 * byte and the end of string, A for 5 bits to Z for 30.
 */
const lengths =
  'ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABABABBBACCBBBABCBAABCCCCCKGJI' +
  'XPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRSVVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ';
const endOfString = 256;
const shortest = 5;
const longest = 30;

/** For each length: the first code of that length, how many there are, and where their symbols begin in `symbols`. */
const first = new Int32Array(longest + 1);
const count = new Int32Array(longest + 1);
const offset = new Int32Array(longest + 1);
const symbols: number[] = [];
/** Symbol and length of every code of at most 8 bits, by the byte that begins with it; 0: longer. */
const quick = new Uint16Array(256);

let code = 0;
for (let length = shortest; length <= longest; length++) {
  first[length] = code;
  offset[length] = symbols.length;
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    if (lengths.charCodeAt(symbol) - 65 + shortest !== length) continue;
    if (length <= 8) {
      for (let rest = 0; rest < 1 << (8 - length); rest++)
        quick[(code << (8 - length)) | rest] = (length << 8) | symbol;
    }
    symbols.push(symbol);
    code += 1;
  }
  count[length] = code - first[length]!;
  code <<= 1;
}

/** The text of `bytes[start, end)`; undefined where it is not Huffman code, or padded with anything but ones. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  let bits = 0;
  let held = 0;
  let at = start;
  for (;;) {
    while (held <= 24 && at < end) {
      bits = (bits << 8) | bytes[at++]!;
      held += 8;
    }
    if (held >= 8) {
      const entry = quick[(bits >>> (held - 8)) & 0xff]!;
      if (entry !== 0) {
        held -= entry >>> 8;
        bits = held === 0 ? 0 : bits & (2 ** held - 1);
        text += String.fromCharCode(entry & 0xff);
        continue;
      }
    }
    let length = shortest;
    let symbol = -1;
    for (; length <= Math.min(held, longest); length++) {
      const index = (bits >>> (held - length)) - first[length]!;
      if (index >= 0 && index < count[length]!) {
        symbol = symbols[offset[length]! + index]!;
        break;
      }
    }
    if (symbol === -1) {
      if (at < end) return undefined;
      // What is left is padding: fewer than eight bits, all of them ones.
      return held < 8 && bits === 2 ** held - 1 ? text : undefined;
    }
    if (symbol === endOfString) return undefined;
    held -= length;
    bits = held === 0 ? 0 : bits & (2 ** held - 1);
    text += String.fromCharCode(symbol);
  }
}
