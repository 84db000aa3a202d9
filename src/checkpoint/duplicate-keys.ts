/**
 * The first key that occurs twice in one object of `json`, a text that JSON.parse has accepted. JSON.parse itself lets
 * the last one win silently, so two readers of the same file could see different tensors. One pass, no recursion: the
 * text may be hostile and 100 MB long.
 */
export function duplicateKey(json: string): string | undefined {
  const objects: (Set<string> | undefined)[] = [];
  let keyStart = 0;
  let keyEnd = 0;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case '"':
        keyStart = at;
        at = endOfString(json, at);
        keyEnd = at + 1;
        break;
      case '{':
        objects.push(new Set());
        break;
      case '[':
        objects.push(undefined);
        break;
      case '}':
      case ']':
        objects.pop();
        break;
      case ':': {
        const keys = objects.at(-1)!;
        const text = json.slice(keyStart, keyEnd);
        const key = text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1);
        if (keys.has(key)) return key;
        keys.add(key);
      }
    }
  }
  return undefined;
}

/** Offset of the quote that closes the string opening at `start`. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  for (;;) {
    let slashes = 0;
    while (json[end - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return end;
    end = json.indexOf('"', end + 1);
  }
}
