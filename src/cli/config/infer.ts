import { existsSync } from 'node:fs';
import { ConchError } from '../../base/index.ts';
import type { Gap, Inference } from '../../repository/index.ts';
import type { Command } from '../command.ts';
import { relativePath } from '../compile.ts';
import { wholeNumber } from '../values.ts';
import { hostOf, pythonOf, pythonOptions, serverOptions } from './host.ts';
import { chooseModel, modelArgument, readChosen, readText, repositoryOption } from './model.ts';

export const inferCommand: Command = {
  name: 'infer',
  summary: 'write the full config.pbtxt of a model that has none, or one that leaves things to Triton',
  arguments: [modelArgument],
  options: [
    repositoryOption,
    { flags: '--stdout', summary: 'print the configuration instead of writing it' },
    { flags: '--force', summary: 'add to a config.pbtxt that is there; its comments and order stay' },
    {
      flags: '--max-batch-size <n>',
      summary: 'where the configuration gives none (default: what Triton would choose; 0: no batch dimension)',
      parse: (text, flag) => wholeNumber(text, flag, 0, 2 ** 31 - 1),
    },
    serverOptions[0]!,
    ...pythonOptions,
  ],
  example: 'conch config infer models/finbert-model --stdout',
  async action(input, output) {
    const { options } = input;
    const { configToJson } = await import('../../config/index.ts');
    const { inferConfig, writeConfigFile } = await import('../../repository/index.ts');
    const chosen = await chooseModel(input.arguments[0] as string, options.repository);
    const { file } = chosen;
    const entry = await readChosen(chosen);
    const python = pythonOf(input);
    const inference = await inferConfig(entry, {
      ...hostOf(options),
      ...(options.maxBatchSize !== undefined && { maxBatchSize: options.maxBatchSize as number }),
      ...(python && { python }),
    });
    const { config, changes, notes, gaps } = inference;
    for (const note of notes) output.note(note);
    const text = await textOf(file, inference);
    const write = changes.length > 0 && options.stdout !== true;
    if (write && existsSync(file) && options.force !== true)
      throw new ConchError('USAGE', `${file} exists, and lacks ${changes.map(({ path }) => path).join(', ')}`, {
        where: { file },
        fix: 'add them with --force (comments and order stay), or look at the result with --stdout',
      });
    if (write) await writeConfigFile(file, text);
    if (output.json) output.printJson({ file, written: write, config: configToJson(config), changes, notes, gaps });
    else if (options.stdout === true) output.print(text.trimEnd());
    else if (write) output.print(`wrote ${relativePath(file)}`);
    else output.print(`${gaps.length === 0 ? 'nothing is missing in' : 'nothing to add to'} ${relativePath(file)}`);
    if (gaps.length === 0) return 0;
    // On standard output the configuration stands alone.
    const say = options.stdout === true ? output.note : output.print;
    if (!output.json) say(formatGaps(gaps, file));
    return 1;
  },
};

/** The new text: the old one with additions, or one from scratch where gaps are marked by comments. */
async function textOf(file: string, { config, changes, gaps }: Inference): Promise<string> {
  const { editConfig, formatConfig, parseConfig, printConfig } = await import('../../config/index.ts');
  const { withComments } = await import('./annotate.ts');
  if (existsSync(file)) {
    const edits = [...new Set(changes.map(({ path }) => path))].map((path) => ({ path, value: valueAt(config, path) }));
    return editConfig(await readText(file), edits);
  }
  const text = printConfig(config);
  const printed = parseConfig(text);
  const comments = new Map<number, string>();
  const open: string[] = [];
  for (const { path, needs } of gaps) {
    const line = printed.nearest(path)?.line;
    if (line === undefined) open.push(`# fill in ${needs}\n`);
    else comments.set(line - 1, [comments.get(line - 1) ?? 'fill in', needs].join(comments.has(line - 1) ? '; ' : ' '));
  }
  return formatConfig(withComments(text, comments) + open.join(''));
}

function formatGaps(gaps: readonly Gap[], file: string): string {
  const lines = gaps.map(({ path, needs }) => `  ${path}: ${needs}`);
  return [`${relativePath(file)}: to be filled in before Triton can serve the model:`, ...lines].join('\n');
}

/** A value of a config; `path` has names and indices only, as those of changes. */
function valueAt(config: object, path: string): unknown {
  let value: unknown = config;
  for (const step of path.match(/\w+/g)!) value = (value as Record<string, unknown> | undefined)?.[step];
  return value;
}
