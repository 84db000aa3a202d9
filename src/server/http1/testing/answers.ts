export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** It says that the connection ends with it. */
  readonly closes: boolean;
}

/**
 * Takes the answers to requests of the given methods apart, strictly. Throws for anything that is not HTTP/1.1; an
 * answer that is cut off may only be the last. Interim answers (100) are left out.
 */
export function readAnswers(output: Buffer, methods: readonly string[]): Answer[] {
  const answers: Answer[] = [];
  let position = 0;
  while (position < output.length) {
    const end = output.indexOf('\r\n\r\n', position);
    if (end < 0) throw new Error(`half a head: ${output.toString('latin1', position)}`);
    const [statusLine, ...lines] = output.toString('latin1', position, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) [ -~]+$/.exec(statusLine!)?.[1]);
    if (!(status >= 100)) throw new Error(`not a status line: ${statusLine}`);
    position = end + 4;
    if (status === 100) continue;
    const headers = new Map<string, string>();
    for (const line of lines) {
      const match = /^([\w-]+): ([ -~]*)$/.exec(line);
      if (!match || headers.has(match[1]!.toLowerCase())) throw new Error(`not a header: ${line}`);
      headers.set(match[1]!.toLowerCase(), match[2]!);
    }
    const length = headers.get('content-length');
    let body: Buffer = Buffer.alloc(0);
    const method = methods[answers.length];
    // A request whose method nobody was told of may have been a HEAD, too.
    const maybeHead = method === 'HEAD' || (method === undefined && position === output.length);
    if (!maybeHead) {
      if (headers.get('transfer-encoding') === 'chunked') [body, position] = readChunks(output, position);
      else if (length !== undefined) {
        body = output.subarray(position, position + Number(length));
        if (body.length !== Number(length)) throw new Error(`${body.length} of ${length} bytes`);
        position += body.length;
      } else {
        body = output.subarray(position);
        position = output.length;
      }
    }
    answers.push({ status, headers, body, closes: headers.get('connection') === 'close' });
  }
  return answers;
}

function readChunks(output: Buffer, start: number): [Buffer, number] {
  const pieces: Buffer[] = [];
  for (let position = start; ; ) {
    const lineEnd = output.indexOf('\r\n', position);
    const size = Number.parseInt(output.toString('latin1', position, lineEnd), 16);
    if (lineEnd < 0 || !(size >= 0)) throw new Error('half a chunk');
    const from = lineEnd + 2;
    const to = from + size;
    if (output.toString('latin1', to, to + 2) !== '\r\n') throw new Error('a chunk without its end');
    if (size === 0) return [Buffer.concat(pieces), to + 2];
    pieces.push(output.subarray(from, to));
    position = to + 2;
  }
}
