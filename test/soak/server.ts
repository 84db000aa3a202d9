import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const main = resolve(import.meta.dirname, '../../src/main.ts');

/** The embedded server as a process of its own, as a user starts it. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly httpPort: number;
  readonly grpcPort: number;
  #errors = '';

  private constructor(child: ChildProcess, httpPort: number, grpcPort: number) {
    this.#child = child;
    this.httpPort = httpPort;
    this.grpcPort = grpcPort;
    child.stderr!.on('data', (data) => {
      this.#errors = (this.#errors + data).slice(-20_000);
    });
  }

  /** Resolves when all models are loaded. */
  static async start(repository: string, flags: readonly string[]): Promise<ServerProcess> {
    const args = [
      main,
      'serve',
      repository,
      '--http-port',
      '0',
      '--grpc-port',
      '0',
      '--metrics-port',
      '0',
      '--json',
      ...flags,
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let errors = '';
    const onError = (data: unknown) => {
      errors += data;
    };
    child.stderr.on('data', onError);
    const [http, grpc] = await new Promise<readonly [http: number, grpc: number]>((resolve, reject) => {
      child.stdout.on('data', (data) => {
        out += data;
        const found = /"url":\s*"([^"]+)".*"grpcPort":\s*(\d+)/s.exec(out);
        if (found) resolve([Number(new URL(found[1]!).port), Number(found[2])]);
      });
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}:\n${errors}`)));
    });
    child.stderr.off('data', onError);
    return new ServerProcess(child, http, grpc);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get errors(): string {
    return this.#errors;
  }

  /** Resident bytes of the process itself, and its open files. */
  usage(): { readonly bytes: number; readonly files: number; readonly threads: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const read = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return {
      bytes: read('VmRSS') * 1024,
      threads: read('Threads'),
      files: readdirSync(`/proc/${this.#child.pid}/fd`).length,
    };
  }

  /** The processes that it started and that still run. */
  children(): number[] {
    const text = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, 'utf8');
    return text.trim().split(' ').filter(Boolean).map(Number);
  }

  /** SIGTERM; the exit code. */
  async stop(): Promise<number | null> {
    if (!this.alive) return this.#child.exitCode;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    return (await ended)[0];
  }
}
