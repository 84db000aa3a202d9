/** Who listens on a TCP port. */
export interface Listener {
  readonly port: number;
  readonly pid?: number;
  /** Its program. */
  readonly program?: string;
}

/** Sockets in state LISTEN of /proc/net/tcp and tcp6: port and inode. */
export function parseProcNet(text: string): { port: number; inode: string }[] {
  return text.split('\n').flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const port = local?.split(':')[1];
    return state === '0A' && port !== undefined && inode !== undefined
      ? [{ port: Number.parseInt(port, 16), inode }]
      : [];
  });
}

/** The answer of `lsof -nP -iTCP -sTCP:LISTEN -Fpcn`: a letter and a value a line, processes before their sockets. */
export function parseLsof(text: string): Listener[] {
  const found: Listener[] = [];
  let pid: number | undefined;
  let program: string | undefined;
  for (const line of text.split('\n')) {
    const value = line.slice(1);
    if (line[0] === 'p') pid = Number(value);
    else if (line[0] === 'c') program = value;
    else if (line[0] === 'n') {
      const port = Number(/:(\d+)$/.exec(value)?.[1]);
      if (port) found.push({ port, ...(pid !== undefined && { pid }), ...(program !== undefined && { program }) });
    }
  }
  return found;
}
