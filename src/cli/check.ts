import { writeFile } from 'node:fs/promises';
import type { Diagnostic } from '../base/index.ts';
import type { CheckOptions } from '../check/index.ts';
import type { Target } from '../onnx/index.ts';
import type { ModelRepository } from '../repository/index.ts';
import type { Command } from './command.ts';
import { relativePath } from './compile.ts';
import { findDeployment, requireRepository } from './deployment.ts';
import type { Output } from './output.ts';
import { deviceIds } from './values.ts';

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
    { flags: '--fix', summary: 'apply the fixes that need no decision, then check again' },
  ],
  example: 'conch check models --target triton:26.07',
  async action({ arguments: [dir], options }, output) {
    const root = await requireRepository(dir);
    const { check } = await import('../check/index.ts');
    const { openRepository } = await import('../repository/index.ts');
    const target = await chooseTarget(options.target);
    const settings: CheckOptions = options.gpus === undefined ? {} : { host: { gpus: options.gpus as number[] } };
    let repository = await openRepository(root, { inspect: true });
    let found = check(repository, target, settings);
    if (options.fix === true && (await applyFixesTo(repository, found, output)) > 0) {
      repository = await openRepository(root, { inspect: true });
      found = check(repository, target, settings);
    }
    output.print(await formatted(options.format, output, { repository, found, target }));
    return found.some((diagnostic) => diagnostic.severity === 'error') ? 1 : 0;
  },
};

async function chooseTarget(named: unknown): Promise<Target> {
  const { defaultTarget, findTarget } = await import('../onnx/index.ts');
  const name = (named as string | undefined) ?? (await findDeployment(undefined))?.deployment.target;
  return name === undefined ? defaultTarget : findTarget(name);
}

async function applyFixesTo(
  repository: ModelRepository,
  found: readonly Diagnostic[],
  output: Output,
): Promise<number> {
  const { applyFixes } = await import('../check/index.ts');
  const files = applyFixes(repository, found);
  for (const { file, text, fixes } of files) {
    await writeFile(file, text);
    output.note(`${relativePath(file)}: ${fixes === 1 ? '1 fix' : `${fixes} fixes`} applied`);
  }
  if (files.length === 0) output.note('nothing that can be fixed without a decision');
  return files.length;
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
