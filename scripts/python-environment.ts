import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const python = process.env.CONCH_PYTHON ?? 'python3';

function run(command: string, ...args: string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status === 0) return;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}

/**
 * The interpreter of a virtual environment below .conch with the pinned packages of a requirements file, made first
 * where it is not there or of other versions. Nothing outside that folder changes.
 */
export function pythonEnvironment(name: string, requirements: string): string {
  const target = join(root, '.conch', name);
  const own = join(target, 'bin/python3');
  const mark = join(target, 'requirements.txt');
  const file = join(root, requirements);
  const wanted = readFileSync(file, 'utf8');
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== wanted) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    run(python, '-m', 'venv', target);
    run(own, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', file);
    writeFileSync(mark, wanted);
  }
  return own;
}

/** As a script of its own: says what became of it. */
export function fetchEnvironment(fetch: () => string): void {
  try {
    console.error(`${fetch()} is ready`);
  } catch (error) {
    console.error(`the Python packages could not be installed: ${(error as Error).message}`);
    console.error('  fix: have Python 3 with venv and pip (or name one by CONCH_PYTHON) and a package index in reach');
    process.exitCode = 1;
  }
}
