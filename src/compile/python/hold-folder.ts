import { readFile, rm, writeFile } from 'node:fs/promises';
import { ConchError } from '../../base/index.ts';

/**
 * Keeps other processes from filling `dir` at the same time, by a file beside it with this process's id; one that a
 * killed process left does not count. Resolves to what lets go. Throws ENVIRONMENT_FAILED naming who holds it.
 */
export async function holdFolder(dir: string): Promise<() => Promise<void>> {
  const file = `${dir}.lock`;
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 1) throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (holder > 0 && isAlive(holder)) {
      throw new ConchError('ENVIRONMENT_FAILED', `process ${holder} is filling ${dir} now`, {
        where: { file },
        fix: `wait until it ends; if it is no conch env, remove ${file}`,
      });
    }
    await rm(file, { force: true });
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
