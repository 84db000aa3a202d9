import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, realpath, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ConchError, makeFolders } from '../base/index.ts';
import { reason } from './folder.ts';

/** How conch's temporary folders inside a repository start (used only where no place beside it can be). */
export const temporaryPrefix = '.conch-tmp-';

/** Written into a workshop when a switch of versions has begun. */
export const journalFile = 'switch.json';
const ownerFile = 'owner.json';
/** A workshop of another machine is nobody's after a day. */
const foreignAfterMs = 24 * 3600_000;

/**
 * One model's workshop: a folder on the repository's file system, out of Triton's sight, that one process owns.
 *
 * Triton takes every folder at a repository's root for a model, hidden or not, and (by default) does not start when one
 * cannot be loaded. So a workshop stands beside the repository, in `.<repository>.conch-tmp/<model>`. Only where that
 * cannot be (a volume mounted at the repository itself, a read-only parent) it is `.conch-tmp-<model>` inside.
 */
export class Workshop {
  readonly dir: string;
  /** Whether a process died while switching a version, which is to be finished first. */
  readonly interrupted: boolean;

  constructor(dir: string, interrupted: boolean) {
    this.dir = dir;
    this.interrupted = interrupted;
  }

  /** Removes everything in it. */
  async clear(): Promise<void> {
    for (const item of await readdir(this.dir)) {
      if (item !== ownerFile) await rm(join(this.dir, item), { recursive: true, force: true });
    }
  }

  /** Gives it up, but leaves its content to whoever finishes the switch. */
  async release(): Promise<void> {
    await rm(join(this.dir, ownerFile), { force: true });
  }

  /** Gives it up and removes it. */
  async remove(): Promise<void> {
    // The journal goes first: without it, what is left counts as waste.
    await rm(join(this.dir, journalFile), { force: true });
    await rm(this.dir, { recursive: true, force: true });
    const folder = dirname(this.dir);
    if (folder.endsWith(besideSuffix)) await rmdir(folder).catch(() => {}); // others may be at work in it
  }
}

const besideSuffix = '.conch-tmp';

/** Opens `name`'s workshop; COMPILE_FAILED when another process has it, or nothing can be written. */
export async function openWorkshop(root: string, name: string): Promise<Workshop> {
  try {
    await makeFolders(root);
    const real = await realpath(root);
    const beside = await placeBeside(real);
    if (beside !== undefined) await sweep(beside);
    const dir = beside === undefined ? join(real, temporaryPrefix + name) : join(beside, name);
    const holder = await claim(dir);
    if (holder !== undefined) {
      throw new ConchError('COMPILE_FAILED', `model ${name} is being written by ${holder}`, {
        where: { file: dir },
        fix: `wait for it to end; if it has ended, remove ${dir}`,
      });
    }
    const workshop = new Workshop(dir, await exists(join(dir, journalFile)));
    if (!workshop.interrupted) await workshop.clear();
    return workshop;
  } catch (error) {
    if (error instanceof ConchError) throw error;
    throw new ConchError('COMPILE_FAILED', `repository ${root} cannot be written: ${reason(error)}`, {
      where: { file: (error as NodeJS.ErrnoException).path ?? root },
      cause: error,
    });
  }
}

/** A folder beside the repository from which files can be renamed into it, if there can be one. */
async function placeBeside(root: string): Promise<string | undefined> {
  if (dirname(root) === root) return undefined;
  const folder = join(dirname(root), `.${basename(root)}${besideSuffix}`);
  const probe = `${temporaryPrefix}probe-${randomUUID()}`;
  for (let attempt = 0; ; attempt++) {
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, probe), '');
      await rename(join(folder, probe), join(root, probe)); // a file, at which Triton does not look
      return folder;
    } catch (error) {
      // The last one to leave may have removed the folder between our calls.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && attempt < 5) continue;
      await rm(join(folder, probe), { force: true }).catch(() => {});
      await rmdir(folder).catch(() => {});
      return undefined;
    } finally {
      await rm(join(root, probe), { force: true });
    }
  }
}

/** Makes `dir` this process's; otherwise says whose it is. */
async function claim(dir: string): Promise<string | undefined> {
  const file = join(dir, ownerFile);
  const owner = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date().toISOString() });
  for (;;) {
    await mkdir(dir, { recursive: true });
    try {
      const mine = join(dir, `${ownerFile}.${randomUUID()}`);
      await writeFile(mine, owner);
      // Unlike a file opened for writing, a link is there with all its content or not at all.
      await link(mine, file).finally(() => rm(mine, { force: true }));
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') continue; // its owner removed the folder between our calls
      if (code !== 'EEXIST') throw error;
    }
    const holder = await readOwner(file);
    if (holder?.alive) return holder.who;
    if (holder !== undefined) await takeAway(file, holder.text);
  }
}

/** Removes a dead owner's file, unless a third process was faster and it is a living one's by now. */
async function takeAway(file: string, text: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
    if ((await readFile(aside, 'utf8')) !== text) await link(aside, file);
    await rm(aside, { force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error;
  }
}

async function readOwner(file: string): Promise<{ alive: boolean; who: string; text: string } | undefined> {
  let text: string;
  let age: number;
  try {
    text = await readFile(file, 'utf8');
    age = Date.now() - (await stat(file)).mtimeMs;
  } catch {
    return undefined;
  }
  let owner: { pid?: unknown; host?: unknown; since?: unknown } = {};
  try {
    owner = JSON.parse(text) ?? {};
  } catch {
    // An owner that cannot be read is like one of another machine: only time tells.
  }
  const { pid, host, since } = owner;
  const here = host === hostname();
  const alive = here ? isRunning(Number(pid)) : age < foreignAfterMs;
  return { alive, who: `process ${pid}${here ? '' : ` on ${host}`} since ${since}`, text };
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes what processes left behind that died, except switches that are to be finished. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const dir = join(folder, name);
    const owner = await readOwner(join(dir, ownerFile));
    if (owner?.alive || (await exists(join(dir, journalFile)))) continue;
    if (owner === undefined) await rmdir(dir).catch(() => {});
    else if ((await claim(dir)) === undefined) await rm(dir, { recursive: true, force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
