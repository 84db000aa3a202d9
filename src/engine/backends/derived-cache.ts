import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile, hashValue } from '../../base/index.ts';

/** A file as it was when its hash was taken; while size, inode and change time stay, so does the content. */
interface FileFacts {
  readonly size: string;
  readonly inode: string;
  readonly changed: string;
  readonly hash: string;
}

const manifest = 'entry.json';
/** Ways to a content that are remembered without reading it again. */
const mostSources = 512;
/** After this long an unfinished folder belongs to nobody, in ms. */
const abandonedAfter = 3_600_000;

/**
 * Folders of files that are derived from others and can be made again, by key. Several processes may share one
 * directory: an entry appears whole, by a rename, and is only used when its files are as they were written, by size and
 * times, or by hash where those differ. Entries least lately used go when all together exceed `mostBytes`.
 */
export class DerivedCache {
  readonly #directory: string;
  readonly #mostBytes: number;
  /** What is being looked up or made, so that a process makes nothing twice at the same time. */
  readonly #open = new Map<string, Promise<string>>();
  /** How many use an entry, which is then not removed. */
  readonly #used = new Map<string, number>();

  constructor(directory: string, mostBytes: number) {
    this.#directory = directory;
    this.#mostBytes = mostBytes;
  }

  /**
   * The folder of `key`, kept until it is released; where it is missing or damaged, `build` fills a new one first.
   * Rejects with what went wrong.
   */
  async entry(key: string, build: (dir: string) => Promise<void>): Promise<string> {
    this.#used.set(key, (this.#used.get(key) ?? 0) + 1);
    let opening = this.#open.get(key);
    if (!opening) {
      opening = this.#entry(key, build).finally(() => this.#open.delete(key));
      this.#open.set(key, opening);
    }
    try {
      return await opening;
    } catch (error) {
      this.release(key);
      throw error;
    }
  }

  /** To be called once for every `entry`. */
  release(key: string): void {
    const users = this.#used.get(key) ?? 0;
    if (users > 1) this.#used.set(key, users - 1);
    else this.#used.delete(key);
  }

  /** Removes an entry that proved to be of no use. */
  async discard(key: string): Promise<void> {
    await rm(this.#path(key), { recursive: true, force: true });
  }

  /**
   * SHA-256 over the contents of `paths`, in order. It is remembered by the files' sizes, inodes and change times, so
   * that gigabytes are not read again at every start.
   */
  async contentOf(paths: readonly string[]): Promise<string> {
    const before = hashValue(await Promise.all(paths.map(async (path) => [path, await stampOf(path)])));
    const memory = join(this.#directory, 'sources', before.slice('sha256:'.length));
    const known = await readFile(memory, 'utf8').catch(() => '');
    if (/^sha256:[0-9a-f]{64}$/.test(known)) return known;
    const content = hashValue(await Promise.all(paths.map(hashFile)));
    const after = hashValue(await Promise.all(paths.map(async (path) => [path, await stampOf(path)])));
    if (before === after) await this.#remember(memory, content);
    return content;
  }

  async #entry(key: string, build: (dir: string) => Promise<void>): Promise<string> {
    const path = this.#path(key);
    if (!(await isWhole(path))) {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const draft = join(this.#directory, `${key}.${randomBytes(6).toString('hex')}.tmp`);
      try {
        await mkdir(draft, { mode: 0o700 });
        await build(draft);
        await seal(draft);
        await this.#publish(draft, path);
      } finally {
        await rm(draft, { recursive: true, force: true });
      }
    }
    // When it was last used; what it is judged by when room is needed.
    await utimes(path, new Date(), new Date()).catch(() => {});
    await this.#shrink();
    return path;
  }

  /** Another process may have been first: its entry is as good, unless it is the damaged one that is to be replaced. */
  async #publish(draft: string, path: string): Promise<void> {
    try {
      await rename(draft, path);
    } catch (error) {
      if (await isWhole(path)) return;
      await rm(path, { recursive: true, force: true });
      await rename(draft, path).catch(async () => {
        if (!(await isWhole(path))) throw error;
      });
    }
  }

  async #remember(memory: string, content: string): Promise<void> {
    const folder = join(this.#directory, 'sources');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeWhole(memory, content);
    const names = await readdir(folder);
    if (names.length <= mostSources) return;
    const aged = await Promise.all(
      names.map(async (name) => ({ name, at: (await statOf(join(folder, name)))?.mtimeMs ?? 0 })),
    );
    const excess = aged.sort((a, b) => a.at - b.at).slice(0, names.length - mostSources);
    await Promise.all(excess.map(({ name }) => rm(join(folder, name), { force: true })));
  }

  /** Removes abandoned drafts, and the entries longest unused while there are too many bytes. */
  async #shrink(): Promise<void> {
    const entries: { name: string; at: number; bytes: number }[] = [];
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const path = join(this.#directory, name);
      const at = (await statOf(path))?.mtimeMs ?? 0;
      if (name.endsWith('.tmp') && Date.now() - at > abandonedAfter) await rm(path, { recursive: true, force: true });
      const facts = await readManifest(path);
      if (facts)
        entries.push({ name, at, bytes: Object.values(facts).reduce((sum, { size }) => sum + Number(size), 0) });
    }
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    for (const entry of entries.sort((a, b) => a.at - b.at)) {
      if (bytes <= this.#mostBytes) return;
      if (this.#used.has(entry.name)) continue;
      await rm(join(this.#directory, entry.name), { recursive: true, force: true }).catch(() => {});
      bytes -= entry.bytes;
    }
  }

  #path(key: string): string {
    return join(this.#directory, key);
  }
}

/** Flushes a draft's files to disk and writes down what they are. */
async function seal(dir: string): Promise<void> {
  const facts: Record<string, FileFacts> = {};
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    const file = await open(path, 'r+');
    await file.datasync().finally(() => file.close());
    facts[name] = { ...(await stampOf(path)), hash: await hashFile(path) };
  }
  await writeWhole(join(dir, manifest), JSON.stringify(facts));
}

async function isWhole(dir: string): Promise<boolean> {
  const facts = await readManifest(dir);
  if (!facts) return false;
  let moved = false;
  for (const [name, fact] of Object.entries(facts)) {
    const path = join(dir, name);
    const stamp = await stampOf(path).catch(() => undefined);
    if (stamp?.size !== fact.size) return false;
    if (stamp.inode === fact.inode && stamp.changed === fact.changed) continue;
    // Touched, copied or written to: only the content can tell.
    if ((await hashFile(path)) !== fact.hash) return false;
    facts[name] = { ...stamp, hash: fact.hash };
    moved = true;
  }
  if (moved) await writeWhole(join(dir, manifest), JSON.stringify(facts)).catch(() => {});
  return true;
}

async function readManifest(dir: string): Promise<Record<string, FileFacts> | undefined> {
  try {
    const facts = JSON.parse(await readFile(join(dir, manifest), 'utf8'));
    const good = Object.values(facts).every((fact) => typeof (fact as FileFacts).hash === 'string');
    return good && Object.keys(facts).length > 0 ? facts : undefined;
  } catch {
    return undefined;
  }
}

async function stampOf(path: string): Promise<Omit<FileFacts, 'hash'>> {
  const { size, ino, ctimeNs } = await stat(path, { bigint: true });
  return { size: `${size}`, inode: `${ino}`, changed: `${ctimeNs}` };
}

async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  await writeFile(draft, text, { flush: true });
  await rename(draft, path);
}

function statOf(path: string) {
  return stat(path).catch(() => undefined);
}
