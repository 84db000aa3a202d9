import { availableParallelism } from 'node:os';
import { ConchError, type Diagnostic, toConchError } from '../base/index.ts';
import type { CheckOptions, Host } from '../check/index.ts';
import type { Target } from '../onnx/index.ts';
import type { ModelRepository, OpenOptions } from '../repository/index.ts';
import type { Command } from './command.ts';
import { relativePath } from './compile.ts';
import { findDeployment, requireRepository } from './deployment.ts';
import type { Output } from './output.ts';
import { aborted } from './serve.ts';
import { deviceIds, wholeNumber } from './values.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'say what Triton would refuse, change or trip over, with file and line',
  arguments: [{ usage: '[dir]', summary: "the model repository (default: the deployment's, else models)" }],
  options: [
    {
      flags: '--target <release>',
      summary: "Triton release to check for, e.g. triton:26.07 (default: the deployment's, else the newest known)",
    },
    {
      flags: '--format <format>',
      summary: 'text, json, sarif or github (default: text)',
      choices: ['text', 'json', 'sarif', 'github'],
    },
    {
      flags: '--gpus <ids>',
      summary: 'check for a host with these GPUs, e.g. 0,1; none for a host without',
      parse: deviceIds,
    },
    {
      flags: '--cores <n>',
      summary: 'processor cores of the host that will serve, for instances on CPUs (default: those of this machine)',
      parse: (text, flag) => wholeNumber(text, flag, 1, 4096),
    },
    {
      flags: '--model-config-name <name>',
      summary: 'as Triton takes it: configs/<name>.pbtxt goes before config.pbtxt in models that have it',
    },
    { flags: '--watch', summary: 'check again whenever a file changes, until Ctrl-C' },
    { flags: '--fix', summary: 'apply the fixes that need no decision, then check again' },
  ],
  example: 'conch check models --target triton:26.07',
  async action({ arguments: [dir], options, signal }, output) {
    const root = await requireRepository(dir);
    if (options.watch === true && options.fix === true) {
      throw new ConchError('USAGE', '--watch and --fix exclude each other', {
        fix: 'run conch check --fix once, then watch',
      });
    }
    const { CheckMemory, check } = await import('../check/index.ts');
    const { openRepository } = await import('../repository/index.ts');
    const target = await chooseTarget(options.target);
    const host: Host = {
      cores: (options.cores as number | undefined) ?? availableParallelism(),
      ...(options.gpus === undefined ? {} : { gpus: options.gpus as number[] }),
    };
    const settings: CheckOptions = { host, memory: new CheckMemory() };
    const judge = (repository: ModelRepository) => check(repository, target, settings);
    const show = async (repository: ModelRepository, found: Diagnostic[]) =>
      output.print(await formatted(options.format, output, { repository, found, target }));
    const how = { inspect: true, ...configName(options.modelConfigName) };
    if (options.watch === true) return watchAndShow(root, how, { judge, show, output, signal });

    let repository = await openRepository(root, how);
    let found = judge(repository);
    if (options.fix === true) {
      const fixed = new Map<string, number>();
      // Fixes at one place take turns, and one may bring the next to light.
      for (let round = 0; round < mostRounds && (await applyFixesTo(repository, found, fixed)); round++) {
        repository = await openRepository(root, how);
        found = judge(repository);
      }
      for (const [file, fixes] of fixed) {
        output.note(`${relativePath(file)}: ${fixes === 1 ? '1 fix' : `${fixes} fixes`} applied`);
      }
      if (fixed.size === 0) output.note('nothing that can be fixed without a decision');
    }
    await show(repository, found);
    return exitCode(found);
  },
};

function configName(given: unknown): OpenOptions {
  return typeof given === 'string' ? { configName: given } : {};
}

interface Showing {
  judge(repository: ModelRepository): Diagnostic[];
  show(repository: ModelRepository, found: Diagnostic[]): Promise<void>;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Shows the first report and one for every change; ends with the state of the last. */
async function watchAndShow(root: string, how: OpenOptions, { judge, show, output, signal }: Showing): Promise<number> {
  const { watchRepository } = await import('../repository/index.ts');
  let found: Diagnostic[] = [];
  let shown: Promise<void> = Promise.resolve();
  const report = (repository: ModelRepository, note: string) => {
    const from = performance.now();
    found = judge(repository);
    const took = `${(performance.now() - from).toFixed(0)} ms`;
    const now = found;
    shown = shown.then(async () => {
      output.note(`${note} (checked in ${took})`);
      await show(repository, now);
    });
  };
  const watch = await watchRepository(root, {
    ...how,
    onChange: (repository, changed) => report(repository, `changed: ${changed.filter(Boolean).join(', ')}`),
    onError: (error) => output.note(`error: ${toConchError(error)}`),
  });
  report(watch.repository, `watching ${relativePath(root)}; Ctrl-C stops`);
  await aborted(signal);
  await watch.close();
  await shown;
  return exitCode(found);
}

function exitCode(found: readonly Diagnostic[]): number {
  return found.some((diagnostic) => diagnostic.severity === 'error') ? 1 : 0;
}

async function chooseTarget(named: unknown): Promise<Target> {
  const { defaultTarget, findTarget } = await import('../onnx/index.ts');
  const name = (named as string | undefined) ?? (await findDeployment(undefined))?.deployment.target;
  return name === undefined ? defaultTarget : findTarget(name);
}

/** More rounds than any file needs; a fix that always leads to another one must not run forever. */
const mostRounds = 20;

/** Writes what the safe fixes change, adding to the number of fixes by file; false when there is nothing left. */
async function applyFixesTo(
  repository: ModelRepository,
  found: readonly Diagnostic[],
  fixed: Map<string, number>,
): Promise<boolean> {
  const { applyFixes } = await import('../check/index.ts');
  const { encodeText } = await import('../config/index.ts');
  const { writeConfigFile } = await import('../repository/index.ts');
  const files = applyFixes(repository, found);
  for (const { file, text, fixes } of files) {
    await writeConfigFile(file, encodeText(text));
    fixed.set(file, (fixed.get(file) ?? 0) + fixes);
  }
  return files.length > 0;
}

async function formatted(
  format: unknown,
  output: Output,
  { repository, found, target }: { repository: ModelRepository; found: Diagnostic[]; target: Target },
): Promise<string> {
  const { formatGithub, formatJson, formatSarif, formatText } = await import('../check/index.ts');
  if (output.json || format === 'json') return formatJson(found, repository, target);
  if (format === 'sarif') return formatSarif(found, repository);
  if (format === 'github') return formatGithub(found);
  return formatText(found, repository, output.colors);
}
