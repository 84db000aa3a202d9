import { ConchError } from '../../base/index.ts';

/** Bounds what a server that never ends an event can make us keep; characters. */
const maxEvent = 256 * 1024 * 1024;

/**
 * The data of server-sent events, as the WHATWG's HTML standard reads them: lines of `data:` up to an empty line;
 * comments and other fields are passed over. What follows the last empty line is no event. Throws SERVER_ERROR.
 */
export async function* eventData(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  let data: string[] = [];
  for await (const chunk of chunks) {
    pending += decoder.decode(chunk, { stream: true });
    // A line may end in CR, LF or both; a CR at the very end may be the first half of one.
    const lines = pending.split(/\r\n|\n|\r(?!$)/);
    pending = lines.pop()!;
    if (pending.length > maxEvent)
      throw new ConchError('SERVER_ERROR', `an event has more than ${maxEvent} characters`);
    for (const line of lines) {
      if (line !== '') {
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        continue;
      }
      if (data.length > 0) yield data.join('\n');
      data = [];
    }
  }
}
