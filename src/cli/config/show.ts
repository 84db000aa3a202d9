import { dirname, join } from 'node:path';
import { ConchError, type Diagnostic } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { Command, CommandInput } from '../command.ts';
import type { Output } from '../output.ts';
import { gpusOption, hostOf, pythonOf, pythonOptions, serverOptions } from './host.ts';
import { chooseModel, modelArgument, readChosen, refuseErrors, repositoryOption, requireParsed } from './model.ts';

export const showCommand: Command = {
  name: 'show',
  summary: "print a model's configuration; with --complete as Triton would hold it, with who set each line and why",
  arguments: [modelArgument],
  options: [
    repositoryOption,
    { flags: '--complete', summary: 'fill in what Triton fills in when it loads the model' },
    gpusOption,
    ...serverOptions,
    ...pythonOptions,
  ],
  example: 'conch config show models/finbert-model --complete',
  async action(input, output) {
    const chosen = await chooseModel(input.arguments[0] as string, input.options.repository);
    const entry = await readChosen(chosen);
    const { configToJson, printConfig } = await import('../../config/index.ts');
    if (input.options.complete !== true) {
      refuseStray(input.options);
      const { config } = requireParsed(entry, chosen);
      if (output.json) output.printJson(configToJson(config));
      else output.print(printConfig(config).trimEnd());
      return 0;
    }
    refuseErrors(entry.parsed?.diagnostics ?? []);
    return showCompleted(entry, input, output);
  },
};

const forCompletion = ['gpus', 'backendConfig', 'disableAutoCompleteConfig', 'runPython', 'python', 'timeout'];

/** Throws USAGE for a flag that only means something when the configuration is completed. */
function refuseStray(options: CommandInput['options']): void {
  const stray = forCompletion.find((name) => options[name] !== undefined);
  if (stray === undefined) return;
  const flag = stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new ConchError('USAGE', `--${flag} goes with --complete, which was not given`);
}

async function showCompleted(entry: Entry, input: CommandInput, output: Output): Promise<number> {
  const { configToJson, printConfig } = await import('../../config/index.ts');
  const { completeInRepository, openRepository } = await import('../../repository/index.ts');
  const { provenance, withComments } = await import('./annotate.ts');
  const host = hostOf(input.options);
  const python = await pythonCompletion(entry, input, output);
  // What an ensemble becomes depends on its members; the entry in hand may come from another file than theirs.
  const repository = isEnsemble(entry) ? await openRepository(dirname(entry.dir)) : undefined;
  const completed = completeInRepository(
    repository ?? { root: dirname(entry.dir), files: [], models: [entry], diagnostics: [] },
    entry,
    { ...host, ...(python && { python }) },
  );
  const { config, changes } = completed;
  const problems = [...completed.problems, ...unreadFiles(entry, config)];
  if (output.json) {
    output.printJson({ config: configToJson(config), changes, problems });
    return problems.length === 0 ? 0 : 1;
  }
  const text = printConfig(config).trimEnd();
  const refusals = problems.flatMap(({ message, fix }) => [
    `# Triton refuses this model: ${message}`,
    `#   fix: ${fix!.text}`,
  ]);
  for (const line of refusals) output.print(output.colors.red(line));
  output.print(withComments(text, provenance(text, changes, entry.parsed), output.colors.dim));
  return problems.length === 0 ? 0 : 1;
}

/** What keeps the backend from opening the model at all: without its tensors the configuration is not complete. */
function unreadFiles({ versions }: Entry, { backend }: ModelConfig): Diagnostic[] {
  return versions.flatMap(({ onnxError, torchScriptError }) => {
    const error = backend === 'onnxruntime' ? onnxError : backend === 'pytorch' ? torchScriptError : undefined;
    if (error === undefined) return [];
    const { message, where = {}, fix = 'export the model again' } = error;
    return [
      {
        code: `${backend === 'pytorch' ? 'pytorch' : 'onnx'}/unreadable`,
        severity: 'error',
        message,
        where,
        fix: { text: fix },
      },
    ];
  });
}

type Entry = Awaited<ReturnType<typeof readChosen>>;

function isEnsemble({ parsed }: Entry): boolean {
  return parsed?.config.ensemble_scheduling !== undefined;
}

/** What a Python model adds by itself, when it may run; otherwise a note that it may add something. */
async function pythonCompletion(entry: Entry, input: CommandInput, output: Output) {
  const { autoCompleteFile, completeModel, runAutoComplete } = await import('../../repository/index.ts');
  const run = pythonOf(input);
  const host = hostOf(input.options);
  if (host.autoComplete === false) return undefined;
  const { config, problems } = completeModel(entry, { ...host, autoComplete: false });
  if (problems.length > 0 || entry.versions.length === 0) return undefined;
  // Without leave to run it a missing model.py is not this command's matter.
  const file = await autoCompleteFile(entry, config).catch((error: unknown) => {
    if (run !== undefined) throw error;
    return undefined;
  });
  if (file === undefined) return undefined;
  if (run !== undefined) return runAutoComplete(join(entry.dir, file), config, run);
  output.note(`${file} may add to this in auto_complete_config, which was not run: --run-python does`);
  return undefined;
}
