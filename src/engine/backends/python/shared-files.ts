import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = '/dev/shm';
const prefix = 'conch-';

/**
 * A new folder in shared memory for the tensors between this process and one other; undefined where the system has
 * none. It is named after this process, so that a later one can remove what a killed one left.
 */
export function openSharedFolder(): string | undefined {
  try {
    return mkdtempSync(join(root, `${prefix}${process.pid}-`));
  } catch {
    return undefined;
  }
}

export function removeSharedFolder(folder: string | undefined): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

let swept = false;

/** Removes the folders of processes that are no more; once in the life of this one. */
export function sweepSharedFolders(): void {
  if (swept) return;
  swept = true;
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return;
  }
  for (const name of names) {
    const owner = /^conch-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    try {
      rmSync(join(root, name), { recursive: true, force: true });
    } catch {} // Another user's.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
