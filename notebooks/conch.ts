import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// The command line of this checkout, with the Node.js that it brings, whichever the notebook's kernel runs on.
const node = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Runs `conch <argv> --json`; resolves to what it prints. Exit code 1 is an answer too, 2 throws with the reason. */
export function conch(...argv: string[]): Promise<unknown> {
  return new Promise((done, fail) => {
    execFile(node, [main, ...argv, '--json', '--quiet'], { maxBuffer: 1 << 28 }, (error, out, err) => {
      if (error && error.code !== 1) fail(new Error(err || error.message));
      else done(JSON.parse(out));
    });
  });
}

/** A server or proxy that runs until `stop`, or until the kernel ends. */
export interface Running {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts `conch serve ...` or `conch proxy ...`; resolves once it says where it listens. */
export async function start(...argv: string[]): Promise<Running> {
  const child = spawn(node, [main, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.match(/^(?:serving .*|proxy) at (http:\/\/[^\s,]+)/)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return {
      url,
      async stop() {
        process.off('exit', kill);
        child.kill('SIGTERM');
        await ended;
      },
    };
  }
  throw new Error(`conch ${argv.join(' ')} did not start:\n${errors}`);
}
