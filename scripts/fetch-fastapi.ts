/**
 * Installs what bench/fastapi needs (FastAPI, uvicorn, Triton's Python client) at pinned versions into a virtual
 * environment, .conch/fastapi: `npm run fetch:fastapi`. Nothing outside that folder changes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const requirements = fileURLToPath(new URL('../bench/fastapi/requirements.txt', import.meta.url));
const target = fileURLToPath(new URL('../.conch/fastapi', import.meta.url));
const python = process.env.CONCH_PYTHON ?? 'python3';

function run(command: string, ...args: string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status === 0) return;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}

/** The interpreter of that environment, made first where it is not there or of other versions. */
export function fetchFastapi(): string {
  const own = join(target, 'bin/python3');
  const mark = join(target, 'requirements.txt');
  const wanted = readFileSync(requirements, 'utf8');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== wanted) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    run(python, '-m', 'venv', target);
    run(own, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', requirements);
    writeFileSync(mark, wanted);
  }
  return own;
}

if (import.meta.filename === process.argv[1]) {
  try {
    console.error(`.conch/fastapi is ready (${fetchFastapi()})`);
  } catch (error) {
    console.error(`the Python packages could not be installed: ${(error as Error).message}`);
    console.error('  fix: have Python 3 with venv and pip (or name one by CONCH_PYTHON) and a package index in reach');
    process.exitCode = 1;
  }
}
