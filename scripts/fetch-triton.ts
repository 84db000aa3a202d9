import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

// Unpacks a real Triton server without Docker: the PyPI wheel nvidia-pytriton carries tritonserver (core 2.51) with its
// Python backend. Beside it a virtual environment, whose python3 runs that backend's models; its numpy must be below 2.
const wheel = 'nvidia-pytriton==0.7.0';
const numpy = 'numpy==1.26.4';
const folder = resolve(import.meta.dirname, '../.conch/triton');
const python = process.env.CONCH_PYTHON ?? 'python3';

export function fetchTriton(): string {
  const server = join(folder, 'pytriton/tritonserver');
  if (existsSync(join(folder, 'complete'))) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const run = (command: string, args: string[]) =>
    execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  process.stderr.write(`fetching ${wheel} (55 MB)\n`);
  run(python, ['-m', 'venv', 'venv']);
  run('venv/bin/python3', ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', numpy]);
  run('venv/bin/python3', [
    '-m',
    'pip',
    'download',
    '-q',
    '--disable-pip-version-check',
    '--no-deps',
    '-d',
    '.',
    wheel,
  ]);
  const file = readdirSync(folder).find((name) => name.endsWith('.whl'))!;
  run('venv/bin/python3', ['-m', 'zipfile', '-e', file, '.']);
  rmSync(join(folder, file));
  const version = execFileSync('venv/bin/python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
    cwd: folder,
  });
  const backend = join(folder, 'backends/python');
  cpSync(join(server, 'backends/python'), backend, { recursive: true });
  const stub = join(server, 'python_backend_stubs', version.toString().trim(), 'triton_python_backend_stub');
  if (!existsSync(stub))
    throw new Error(
      `the wheel has no Python backend stub for Python ${version}; set CONCH_PYTHON to one of 3.8 to 3.13`,
    );
  cpSync(stub, join(backend, 'triton_python_backend_stub'));
  for (const executable of [join(server, 'bin/tritonserver'), join(backend, 'triton_python_backend_stub')])
    chmodSync(executable, 0o755);
  mkdirSync(join(folder, 'complete'));
  return folder;
}

if (import.meta.filename === process.argv[1]) process.stdout.write(`${fetchTriton()}\n`);
