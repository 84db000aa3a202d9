import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../../src/cli/index.ts';
import type { Block } from './blocks.ts';
import { conchArguments } from './command-faults.ts';
import { type ShellCommand, shellCommands } from './shell.ts';

const shell = promisify(execFile);

/** Commands that serve until Ctrl-C: the flags for free ports, what they print with an address, the documented port. */
const servers: Record<string, { ports: string[]; ready: RegExp; documented: number }> = {
  serve: {
    ports: ['--http-port', '0', '--grpc-port', '0', '--metrics-port', '0'],
    ready: /^serving .* at http:\/\/127\.0\.0\.1:(\d+)$[\s\S]*stops$/m,
    documented: 8000,
  },
  proxy: { ports: ['--port', '0'], ready: /^proxy at http:\/\/127\.0\.0\.1:(\d+),[\s\S]*stops$/m, documented: 8080 },
};

/** What shortens a measurement; the last of a flag counts. */
const shorter: Record<string, (argv: readonly string[]) => string[]> = {
  bench: (argv) => [
    '--warmup',
    '0',
    '--duration',
    '200ms',
    ...(argv.includes('--instances') ? ['--instances', '1,2'] : []),
  ],
  tune: () => ['--warmup', '0', '--duration', '200ms', '--measurements', '1'],
  compile: (argv) => (argv.includes('--compare') ? ['--variants', 'padded-fp32,packed-fp32', '--rounds', '1'] : []),
};

/**
 * A reader at a terminal in one folder, who types a page's blocks one after the other. `conch` runs in this process;
 * servers run on until the page ends, and later commands find them though they listen on ports of their own.
 */
export class Session {
  readonly folder: string;
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #ports = new Map<number, number>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Runs a block; throws with what was printed where a command ends otherwise than the page says. */
  async run(block: Block): Promise<void> {
    if (block.file !== undefined) {
      const path = join(this.folder, block.file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, block.text);
      return;
    }
    for (const command of shellCommands(block.text)) await this.#command(command, block.exitCodes);
  }

  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }

  async #command({ words, text, into }: ShellCommand, exitCodes: readonly number[]): Promise<void> {
    const argv = conchArguments(words)?.map((word) => this.#address(word));
    if (!argv) {
      // Not in step with this process: the servers that it may ask run in here.
      // An answer of 400 and more is a failure of curl's, too.
      await writeFile(join(this.folder, '.curlrc'), 'fail-with-body\n');
      const env = { ...process.env, CURL_HOME: this.folder };
      await shell('sh', ['-ec', this.#address(text)], { cwd: this.folder, env });
      return;
    }
    const restore = setVariables(words);
    const server = servers[argv[0]!];
    if (server && argv[1] !== 'key') return this.#serve(argv, server);
    const { ended, output } = this.#conch(
      [...argv, ...(shorter[argv[0]!]?.(argv) ?? [])],
      new AbortController().signal,
    );
    const code = await ended.finally(restore);
    if (into !== undefined) await writeFile(join(this.folder, into), output.out);
    if (!exitCodes.includes(code)) throw new Error(`conch ${argv.join(' ')} ended with ${code}:\n${output.text}`);
  }

  async #serve(argv: readonly string[], { ports, ready, documented }: (typeof servers)[string]): Promise<void> {
    const abort = new AbortController();
    let listening = (_: number) => {};
    const heard = new Promise<number>((done) => {
      listening = done;
    });
    const { ended, output } = this.#conch([...argv, ...ports], abort.signal, (text) => {
      const port = text.match(ready)?.[1];
      if (port !== undefined) listening(Number(port));
    });
    const port = await Promise.race([heard, ended]);
    if (port < 1024) throw new Error(`conch ${argv.join(' ')} ended with ${port}:\n${output.text}`);
    this.#ports.set(documented, port);
    this.#stops.push(async () => {
      abort.abort();
      const code = await ended;
      if (code !== 0) throw new Error(`conch ${argv.join(' ')} stopped with ${code}:\n${output.text}`);
    });
  }

  #conch(argv: readonly string[], signal: AbortSignal, heard = (_: string) => {}) {
    const output = { text: '', out: '' };
    const write = (text: string) => {
      output.text += text;
      heard(output.text.trimEnd());
    };
    const stdout = {
      write: (text: string) => {
        output.out += text;
        write(text);
      },
    };
    return { output, ended: run(argv, { stdout, stderr: { write }, signal }) };
  }

  /** The same text with the ports that documented servers really have. */
  #address(text: string): string {
    return text.replaceAll(
      /\b(127\.0\.0\.1|localhost):(\d+)/g,
      (_, host, port) => `${host}:${this.#ports.get(Number(port)) ?? port}`,
    );
  }
}

/** `NAME=value conch ...`: sets the variables; returns what takes them back. */
function setVariables(words: readonly string[]): () => void {
  const set = words.slice(0, words.indexOf('conch')).filter((word) => /^[A-Z_]+=/.test(word));
  for (const word of set) process.env[word.slice(0, word.indexOf('='))] = word.slice(word.indexOf('=') + 1);
  return () => {
    for (const word of set) delete process.env[word.slice(0, word.indexOf('='))];
  };
}
