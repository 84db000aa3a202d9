import { formatBytes } from '../base/index.ts';
import type { CompileResult } from '../compile/index.ts';
import type { Command } from './command.ts';
import { fileOption, requireDeployment } from './deployment.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';
import { wholeNumber } from './values.ts';

export const compileCommand: Command = {
  name: 'compile',
  summary: 'build models into a Triton model repository',
  arguments: [
    {
      usage: '[source...]',
      summary: 'models of the deployment file, or one checkpoint: a folder or a hub id (org/name)',
    },
  ],
  options: [
    fileOption,
    { flags: '--name <name>', summary: "a checkpoint's model name (default: its folder's name)" },
    { flags: '--out <dir>', summary: "the model repository to write (default: the deployment's, else models)" },
    { flags: '--target <release>', summary: 'Triton release to build for, e.g. triton:26.07' },
    { flags: '--revision <revision>', summary: 'branch, tag or commit of a hub id' },
    {
      flags: '--max-batch-size <n>',
      summary: "a checkpoint's largest batch (default: 32; 0: no batch dimension is configured)",
      parse: (text, flag) => wholeNumber(text, flag, 0, 2 ** 31 - 1),
    },
    {
      flags: '--layout <layout>',
      summary: 'how a checkpoint takes the texts of a batch: padded (default) or packed, one run of tokens',
      choices: ['padded', 'packed'],
    },
    { flags: '--force', summary: 'build even what is up to date, and over hand-edited configurations' },
  ],
  example: 'conch compile ./checkpoint --name finbert --out models',
  async action({ arguments: [sources = []], options, signal }, output) {
    const { compileDeployment } = await import('../compile/index.ts');
    const { loaded, models } = await chooseSource(sources as string[], options);
    const result = await compileDeployment(loaded, {
      ...(models.length > 0 && { models }),
      ...(typeof options.out === 'string' && { repository: options.out }),
      ...(typeof options.target === 'string' && { target: options.target }),
      force: options.force === true,
      progress: output.progress,
      signal,
    });
    if (output.json) output.printJson(result);
    else printCompiled(result, output);
    return 0;
  },
};

/** A source that looks like a path or hub id is a checkpoint; plain names are models of the deployment file. */
async function chooseSource(sources: string[], options: Readonly<Record<string, unknown>>) {
  const { deploymentOf } = await import('../compile/index.ts');
  const { ConchError } = await import('../base/index.ts');
  const named = typeof options.name === 'string';
  const isCheckpoint =
    sources.length === 1 && options.file === undefined && (named || /[/\\]|^\.|^~/.test(sources[0]!));
  if (!isCheckpoint) {
    for (const flag of ['name', 'revision', 'maxBatchSize', 'layout']) {
      if (options[flag] === undefined) continue;
      const spelled = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw new ConchError('USAGE', `--${spelled} goes with one checkpoint, which was not named`, {
        fix: 'conch compile ./checkpoint --name finbert --out models',
      });
    }
    return { loaded: await requireDeployment(options.file), models: sources };
  }
  const loaded = deploymentOf({
    checkpoint: sources[0]!,
    ...(named && { name: options.name as string }),
    ...(typeof options.out === 'string' && { out: options.out }),
    ...(typeof options.revision === 'string' && { revision: options.revision }),
    ...(typeof options.maxBatchSize === 'number' && { max_batch_size: options.maxBatchSize }),
    ...(options.layout !== undefined && { layout: options.layout as 'padded' | 'packed' }),
  });
  return { loaded, models: [] as string[] };
}

export function printCompiled(result: CompileResult, output: Output): void {
  const { bold, dim, green } = output.colors;
  const rows = result.models.map((model) => [
    bold(model.name),
    String(model.version),
    model.action === 'built' ? green('built') : dim('unchanged'),
    formatBytes(model.bytes),
    `${(model.milliseconds / 1000).toFixed(2)} s`,
  ]);
  output.print(table(['model', 'version', '', 'size', 'time'], rows, [1, 3, 4]));
  for (const { name, edited } of result.models) {
    if (edited.length > 0)
      output.print(`kept: ${edited.join(', ')} of ${name}, edited by hand; --force writes it anew`);
  }
  output.print(`\n${result.models.length} models for ${result.target} in ${relativePath(result.repository)}`);
}

export function relativePath(path: string): string {
  const here = `${process.cwd()}/`;
  return path.startsWith(here) ? path.slice(here.length) : path;
}
