import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../free-port.ts';

export interface LoadAnswer {
  readonly status: number;
  readonly body: string;
}

const links = new Map<string, string>();

/**
 * The folder under a name without spaces: Triton starts the processes of its Python backend through a shell, which cuts
 * the path there, and then waits for them for good.
 */
export function unspaced(folder: string): string {
  if (!/\s/.test(folder)) return folder;
  const known = links.get(folder);
  if (known !== undefined) return known;
  const place = mkdtempSync(join(tmpdir(), 'conch-triton-'));
  process.once('exit', () => rmSync(place, { recursive: true, force: true }));
  const link = join(place, 'triton');
  symlinkSync(resolve(folder), link);
  links.set(folder, link);
  return link;
}

/** A real tritonserver in explicit model control, over one repository folder that the caller may rewrite. */
export class RealTriton {
  readonly url: string;
  /** Answers only where the server was started with `metrics`. */
  readonly metricsUrl: string;
  readonly grpcPort: number;
  #child: ChildProcess;
  #log: string[] = [];

  private constructor(url: string, metricsUrl: string, grpcPort: number, child: ChildProcess) {
    this.url = url;
    this.metricsUrl = metricsUrl;
    this.grpcPort = grpcPort;
    this.#child = child;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (data) => {
        this.#log.push(String(data));
        if (this.#log.length > 400) this.#log.splice(0, 200);
      });
    }
  }

  /** `spaced` is the folder that scripts/fetch-triton.ts made. */
  static async start(
    spaced: string,
    repository: string,
    { flags = [], metrics = false }: { readonly flags?: readonly string[]; readonly metrics?: boolean } = {},
  ): Promise<RealTriton> {
    const folder = unspaced(spaced);
    const [http, grpc, metricsPort] = [await freePort(), await freePort(), await freePort()];
    const child = spawn(
      join(folder, 'pytriton/tritonserver/bin/tritonserver'),
      [
        `--model-repository=${repository}`,
        `--backend-directory=${join(folder, 'backends')}`,
        '--model-control-mode=explicit',
        '--http-address=127.0.0.1',
        '--grpc-address=127.0.0.1',
        `--http-port=${http}`,
        `--grpc-port=${grpc}`,
        `--allow-metrics=${metrics}`,
        `--metrics-port=${metricsPort}`,
        '--metrics-address=127.0.0.1',
        '--strict-readiness=false',
        '--exit-timeout-secs=2',
        ...flags,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          PATH: `${join(folder, 'venv/bin')}:${process.env.PATH}`,
          LD_LIBRARY_PATH: join(folder, 'nvidia_pytriton.libs'),
        },
      },
    );
    const [url, metricsUrl] = [http, metricsPort].map((port) => `http://127.0.0.1:${port}`) as [string, string];
    const server = new RealTriton(url, metricsUrl, grpc, child);
    await server.#untilLive();
    return server;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether the server has ended, given a moment to do so after a broken connection. */
  async ended(): Promise<boolean> {
    if (this.alive)
      await Promise.race([once(this.#child, 'exit'), new Promise((resolve) => setTimeout(resolve, 5000))]);
    return !this.alive;
  }

  /** The last lines that the server wrote. */
  get log(): string {
    return this.#log.join('');
  }

  load(model: string): Promise<LoadAnswer> {
    return this.#post(`/v2/repository/models/${encodeURIComponent(model)}/load`, {});
  }

  /** Unloads everything that is known and waits until nothing is loaded any more. */
  async unloadAll(): Promise<void> {
    const until = Date.now() + 30_000;
    for (;;) {
      if (Date.now() > until) throw new DOMException('a model does not unload', 'TimeoutError');
      const rows = JSON.parse((await this.#post('/v2/repository/index', {})).body) as {
        name: string;
        state?: string;
      }[];
      const held = rows.filter((row) => row.state && row.state !== 'UNAVAILABLE');
      if (held.length === 0) return;
      for (const name of new Set(held.filter((row) => row.state === 'READY').map((row) => row.name))) {
        await this.#post(`/v2/repository/models/${encodeURIComponent(name)}/unload`, {});
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async ready(model: string): Promise<boolean> {
    return (await fetch(`${this.url}/v2/models/${encodeURIComponent(model)}/ready`)).status === 200;
  }

  async config(model: string): Promise<unknown> {
    const response = await fetch(`${this.url}/v2/models/${encodeURIComponent(model)}/config`);
    return response.json();
  }

  async stop(): Promise<void> {
    if (!this.alive) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }

  async #post(path: string, body: unknown): Promise<LoadAnswer> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    return { status: response.status, body: await response.text() };
  }

  async #untilLive(): Promise<void> {
    const until = Date.now() + 30_000;
    while (Date.now() < until) {
      if (!this.alive) throw new Error(`tritonserver ended with ${this.#child.exitCode}:\n${this.log}`);
      try {
        if ((await fetch(`${this.url}/v2/health/live`)).status === 200) return;
      } catch {}
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`tritonserver did not answer within 30 s:\n${this.log}`);
  }
}
