/**
 * Where the JSON object at the start of a body ends, in bytes. For pages of another origin, which may not see the header
 * that says so unless the server exposes it. The whole length where the object does not end.
 */
export function jsonEnd(body: Uint8Array): number {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < body.length; index++) {
    const byte = body[index]!;
    if (inText) {
      if (byte === 0x5c) index += 1;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return body.length;
}
