import { readFileSync } from 'node:fs';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  ConchError,
  compileScript,
  environmentDir,
  environmentLock,
  environmentMarker,
  environmentPython,
  formatBytes,
  type Progress,
  silentProgress,
  track,
} from '../../base/index.ts';
import { askPython, type PythonFacts } from './ask-python.ts';
import { type EnvironmentReport, inspectEnvironment, pins } from './environment.ts';
import { holdFolder } from './hold-folder.ts';
import { type Installer, installationFailed } from './installation-failure.ts';
import { type RunEnd, runLogged } from './process.ts';

export interface CreateOptions {
  /** The interpreter to make it from; `python3` or `python` unless given. */
  readonly python?: string | undefined;
  /** Address of a package index that PyTorch alone is taken from, such as the one with builds for the CPU. */
  readonly torchIndex?: string | undefined;
  /** Bytes that must be free on the disk; unless given what PyTorch takes here, with its downloads. */
  readonly neededBytes?: number;
  /** Make it anew. */
  readonly force?: boolean;
  readonly progress?: Progress;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/** The lock holds wheels for these. */
const oldest = [3, 11] as const;
const newest = [3, 14] as const;
const range = `Python ${oldest.join('.')} to ${newest.join('.')}`;
/** A download at a hundredth of today's usual speed ends within it. */
const longest = 4 * 3600_000;

/** PyTorch with CUDA is 5.7 GB beside 3 GB of downloads; for the CPU alone 1 GB. */
function usualBytes(torchIndex: string | undefined): number {
  return process.platform === 'linux' && torchIndex === undefined ? 9e9 : 2.5e9;
}

/**
 * Makes the pinned compile environment with uv where there is one, else venv and pip; every package is checked by its
 * hash, but PyTorch from an index of the user's. Does nothing when it is complete, and goes on where an earlier run was
 * cut off. Throws ENVIRONMENT_FAILED with what the installer said, and the fix.
 */
export async function createEnvironment(options: CreateOptions = {}): Promise<EnvironmentReport> {
  const { env = process.env, signal, progress = silentProgress, torchIndex } = options;
  const dir = environmentDir(env);
  const before = await inspectEnvironment({ dir, env, ...(signal && { signal }) });
  if (before.complete && options.force !== true) return before;
  if (options.force === true) await rm(dir, { recursive: true, force: true });
  await mkdir(dirname(dir), { recursive: true });
  const release = await holdFolder(dir);
  try {
    if (options.force === true || !before.packages.find(({ name }) => name === 'torch')?.found) {
      await checkDisk(dir, options.neededBytes ?? usualBytes(torchIndex));
    }
    const run = (command: string, args: readonly string[], onLine?: (line: string) => void) =>
      runLogged({
        command,
        args,
        env: { ...env, PYTHONNOUSERSITE: '1' },
        logFile: `${dir}.log`,
        timeoutMs: longest,
        signal,
        ...(onLine && { onLine }),
      });
    const installer = (await canRun('uv', run)) ? 'uv' : 'pip';
    const steps: Steps = { dir, env, installer, run, signal };
    if (before.python === undefined || options.force === true) {
      await track(
        progress,
        'environment',
        () => makeVenv(steps, options.python),
        () => installer,
      );
    }
    await track(progress, 'packages', (task) => {
      const file = compileScript(environmentLock.rest);
      return install(steps, ['--require-hashes', '-r', file], file, (done, what) => task.update(done, what));
    });
    await track(progress, 'PyTorch', (task) => {
      const file = compileScript(environmentLock.torch);
      const version = pins(readFileSync(file, 'utf8')).get('torch');
      const wanted =
        torchIndex === undefined ? ['--require-hashes', '-r', file] : ['--index-url', torchIndex, `torch==${version}`];
      return install(steps, wanted, torchIndex === undefined ? file : undefined, (done, what) =>
        task.update(done, what),
      );
    });
    await track(progress, 'first import', async () => {
      const ended = await run(environmentPython(dir), ['-c', 'import torch, onnx, onnxscript, onnxruntime']);
      if (ended.code !== 0) throw installationFailed({ dir, installer: 'Python', doing: 'import PyTorch', ended });
    });
    await writeFile(
      join(dir, environmentMarker),
      `${JSON.stringify({ installer, created: new Date().toISOString() })}\n`,
    );
    return await inspectEnvironment({ dir, env, ...(signal && { signal }) });
  } finally {
    await release();
  }
}

interface Steps {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly installer: Installer;
  readonly run: (command: string, args: readonly string[], onLine?: (line: string) => void) => Promise<RunEnd>;
  readonly signal: AbortSignal | undefined;
}

async function makeVenv({ dir, env, installer, run, signal }: Steps, python: string | undefined): Promise<void> {
  const base = await basePython(python, installer, env, signal);
  await rm(join(dir, 'pyvenv.cfg'), { force: true });
  const ended =
    installer === 'uv'
      ? await run('uv', [
          'venv',
          '--allow-existing',
          '--python',
          base?.executable ?? `>=${oldest.join('.')},<3.15`,
          dir,
        ])
      : await run(base!.executable, ['-m', 'venv', '--clear', dir]);
  if (ended.code !== 0) throw installationFailed({ dir, installer, doing: 'make an empty environment', ended });
}

/** The interpreter to start from. uv finds or fetches one by itself; pip needs one of the versions in the lock. */
async function basePython(
  python: string | undefined,
  installer: Installer,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<PythonFacts | undefined> {
  const found: string[] = [];
  for (const command of python ? [python] : ['python3', 'python']) {
    const facts = await askPython(command, [], env, signal);
    if (facts && isSupported(facts.version) && (facts.venv || installer === 'uv')) return facts;
    if (facts) found.push(`${command} is ${facts.version}${facts.venv ? '' : ' without venv'}`);
    else if (python) found.push(`${command} cannot be started`);
  }
  if (!python && installer === 'uv') return undefined;
  const lacksVenv = found.some((one) => one.endsWith('without venv'));
  throw new ConchError('ENVIRONMENT_FAILED', `${range} is needed: ${found.join(', ') || 'there is no Python'}`, {
    fix: lacksVenv
      ? 'install the package python3-venv of your system, or uv'
      : `install ${range} or uv, or name an interpreter with --python`,
  });
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === oldest[0] && minor >= oldest[1] && minor <= newest[1];
}

async function install(
  { dir, installer, run }: Steps,
  wanted: readonly string[],
  file: string | undefined,
  report: (done: number | undefined, what: string) => void,
): Promise<void> {
  const python = environmentPython(dir);
  const names = file === undefined ? [] : [...pins(readFileSync(file, 'utf8')).keys()];
  const seen = new Set<string>();
  const follow = (line: string) => {
    const what = /^\s*(?:Collecting|Downloading|Requirement already satisfied:|Installing|Prepared|\+) (.+)/.exec(
      line,
    )?.[1];
    if (what === undefined) return;
    const name = /^([a-z0-9-]+)==/.exec(what.toLowerCase().replaceAll('_', '-'))?.[1];
    if (name !== undefined && names.includes(name)) seen.add(name);
    report(names.length > 0 ? seen.size / names.length : undefined, what.slice(0, 60));
  };
  const ended =
    installer === 'uv'
      ? await run('uv', ['pip', 'install', '--compile-bytecode', '--python', python, '--no-deps', ...wanted], follow)
      : await run(
          python,
          ['-m', 'pip', 'install', '--no-input', '--progress-bar', 'off', '--no-deps', ...wanted],
          follow,
        );
  if (ended.code !== 0) throw installationFailed({ dir, installer, doing: 'install packages', ended });
}

async function canRun(command: string, run: Steps['run']): Promise<boolean> {
  try {
    return (await run(command, ['--version'])).code === 0;
  } catch (error) {
    if (error instanceof ConchError && error.code === 'FILE_NOT_FOUND') return false;
    throw error;
  }
}

async function checkDisk(dir: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(dir));
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new ConchError(
    'ENVIRONMENT_FAILED',
    `${formatBytes(needed)} of disk are needed for the environment in ${dir}; ${formatBytes(free)} are free`,
    {
      where: { file: dir },
      fix: 'make room, set CONCH_CACHE to a folder on a larger disk, or take PyTorch for the CPU with --torch-index',
    },
  );
}
