import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

// Triton's own load generator, for bench/serve.ts. The wheel on PyPI wants a newer C library than many systems have, so
// that of Debian 13 is unpacked beside it (with apt, into a folder of its own; nothing is installed) and its loader
// starts the program.
const wheel = 'perf-analyzer==2.60.0';
const packages = ['libc6', 'libstdc++6', 'libgcc-s1', 'zlib1g', 'libssl3t64', 'libzstd1'];
const folder = resolve(import.meta.dirname, '../.conch/perf-analyzer');
const libraries = join(folder, 'root/usr/lib/x86_64-linux-gnu');

/** The command line that starts perf_analyzer; undefined where it has not been fetched. */
export function perfAnalyzer(): [command: string, ...args: string[]] | undefined {
  if (!existsSync(join(folder, 'complete'))) return undefined;
  const program = join(folder, 'perf_analyzer/bin/perf_analyzer');
  return [join(libraries, 'ld-linux-x86-64.so.2'), '--library-path', libraries, program];
}

function fetchPerfAnalyzer(): void {
  if (perfAnalyzer()) return;
  rmSync(folder, { recursive: true, force: true });
  const run = (command: string, args: readonly string[], cwd = folder) =>
    execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  const filesIn = (path: string, extension: string) =>
    readdirSync(join(folder, path)).filter((name) => name.endsWith(extension));
  for (const path of ['apt/lists/partial', 'apt/archives/partial', 'debs']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  process.stderr.write(`fetching ${wheel} (7 MB) and the libraries of Debian 13 that it needs (7 MB)\n`);
  const pip = ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  run('python3', [...pip, '--platform', 'manylinux_2_38_x86_64', '-d', '.', wheel]);
  run('python3', ['-m', 'zipfile', '-e', filesIn('.', '.whl')[0]!, '.']);

  const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(folder, 'apt/sources.list'), `deb [signed-by=${key}] http://deb.debian.org/debian trixie main\n`);
  writeFileSync(join(folder, 'apt/status'), '');
  const apt = Object.entries({
    'Dir::State': join(folder, 'apt'),
    'Dir::State::status': join(folder, 'apt/status'),
    'Dir::Cache': join(folder, 'apt'),
    'Dir::Etc::sourcelist': join(folder, 'apt/sources.list'),
    'Dir::Etc::sourceparts': '-',
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  run('apt-get', [...apt, '-qq', 'update']);
  run('apt-get', [...apt, '-qq', 'download', ...packages], join(folder, 'debs'));
  for (const file of filesIn('debs', '.deb')) run('dpkg-deb', ['-x', join('debs', file), 'root']);
  rmSync(join(folder, 'apt'), { recursive: true });
  rmSync(join(folder, 'debs'), { recursive: true });
  chmodSync(join(folder, 'perf_analyzer/bin/perf_analyzer'), 0o755);
  mkdirSync(join(folder, 'complete'));
}

if (import.meta.filename === process.argv[1]) {
  fetchPerfAnalyzer();
  process.stdout.write(`${perfAnalyzer()!.join(' ')}\n`);
}
