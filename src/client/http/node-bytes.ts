import type { EncodedBody } from '../../protocol/index.ts';

/** A request in one piece: a second write costs more than the copy. */
export function requestBytes(head: string, body: EncodedBody | undefined): Buffer {
  const headLength = head.length;
  const bytes = Buffer.allocUnsafe(headLength + (body?.byteLength ?? 0));
  bytes.write(head, 0, 'latin1');
  if (!body) return bytes;
  bytes.write(body.json, headLength, 'utf8');
  let at = headLength + body.jsonLength;
  for (const part of body.binary) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
