import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Case } from './case.ts';
import { copyRepository, type FoundRepository } from './corpus.ts';
import { RealTriton, unspaced } from './real-triton.ts';

export interface ModelAnswer {
  readonly verdict: 'loads' | 'refused';
  /** What the server said to the load call, when it refused. */
  readonly reason?: string;
  /** The completed configuration, as /v2/models/x/config gives it. */
  readonly config?: unknown;
}

/** A case's answers by model; `lost` when the server died over it, or did not answer any more. */
export interface CaseAnswer {
  readonly models: Record<string, ModelAnswer>;
  readonly lost?: 'crashed' | 'hung';
}

/** Asks a real Triton about repositories, one after the other, over one server that is restarted when it dies. */
export class Oracle {
  #folder: string;
  #flags: readonly string[];
  #root: string;
  #server: RealTriton | undefined;

  private constructor(folder: string, root: string, flags: readonly string[]) {
    this.#folder = folder;
    this.#root = root;
    this.#flags = flags;
  }

  static async open(spaced: string, flags: readonly string[] = []): Promise<Oracle> {
    const folder = unspaced(spaced);
    return new Oracle(folder, await mkdtemp(join(folder, 'oracle-')), flags);
  }

  /** The folder that the last asked case lies in. */
  get root(): string {
    return this.#root;
  }

  ask(case_: Case): Promise<CaseAnswer> {
    writeFiles(this.#root, case_.files);
    return this.#askRoot();
  }

  /** Asks about a copy of a repository that lies somewhere else. */
  askCopy(repository: FoundRepository): Promise<CaseAnswer> {
    writeFiles(this.#root, {});
    copyRepository(repository, this.#root);
    return this.#askRoot();
  }

  async #askRoot(): Promise<CaseAnswer> {
    if (!this.#server?.alive) this.#server = await RealTriton.start(this.#folder, this.#root, { flags: this.#flags });
    const server = this.#server;
    const models: Record<string, ModelAnswer> = {};
    // Where this machine keeps things is nobody's business.
    const plain = (text: string) => text.replaceAll(this.#root, '<repository>').replaceAll(this.#folder, '<triton>');
    try {
      for (const name of modelNames(this.#root)) models[name] = await askModel(server, name, plain);
      await server.unloadAll();
      return { models };
    } catch (error) {
      if (await server.ended()) return { models, lost: 'crashed' };
      if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error;
      await server.stop();
      return { models, lost: 'hung' };
    }
  }

  async close(): Promise<void> {
    await this.#server?.stop();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

async function askModel(server: RealTriton, name: string, plain: (text: string) => string): Promise<ModelAnswer> {
  const answer = await server.load(name);
  if (answer.status !== 200 || !(await server.ready(name))) return { verdict: 'refused', reason: plain(answer.body) };
  return { verdict: 'loads', config: await server.config(name) };
}

/** Makes `root` hold exactly `files`; paths that end in `/` become empty folders. */
export function writeFiles(root: string, files: Case['files']): void {
  for (const entry of readdirSync(root)) rmSync(join(root, entry), { recursive: true, force: true });
  for (const [path, text] of Object.entries(files)) {
    const full = join(root, path);
    mkdirSync(path.endsWith('/') ? full : dirname(full), { recursive: true });
    if (!path.endsWith('/')) writeFileSync(full, text);
  }
}

export function modelNames(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}
