/**
 * Installs Triton's official Python client with all its transports (HTTP, gRPC, their asyncio forms, shared memory) into
 * a virtual environment, .conch/clients: `npm run fetch:clients [-- 2.73.0]`. Nothing outside that folder changes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const target = fileURLToPath(new URL('../.conch/clients', import.meta.url));
const python = process.env.CONCH_PYTHON ?? 'python3';
const version = process.argv[2] ?? '2.73.0';
/** Health and reflection, which tools like grpcurl ask for. */
const beside = ['grpcio-health-checking', 'grpcio-reflection'];
const mark = join(target, `tritonclient-${version}-grpc`);

function run(command: string, ...args: string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status === 0) return;
  throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
}

try {
  if (!existsSync(mark)) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    run(python, '-m', 'venv', target);
    const own = join(target, 'bin/python3');
    run(own, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', `tritonclient[all]==${version}`, ...beside);
    writeFileSync(mark, '');
  }
  console.error(`.conch/clients is ready (tritonclient ${version})`);
} catch (error) {
  console.error(`the Python client could not be installed: ${(error as Error).message}`);
  console.error('  fix: have Python 3 with venv and pip (or name one by CONCH_PYTHON) and a package index in reach');
  process.exitCode = 1;
}
