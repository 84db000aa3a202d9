import { ConchError } from '../base/index.ts';
import type { Command } from './command.ts';
import { isTemplate, templateNames } from './init/templates.ts';

export const initCommand: Command = {
  name: 'init',
  summary: 'write a deployment file to start from; asks on a terminal, overwrites nothing',
  arguments: [{ usage: '[dir]', summary: 'folder to write to (default: this one)' }],
  options: [
    { flags: '--template <name>', summary: 'what the model is made from', choices: templateNames },
    {
      flags: '--source <path>',
      summary:
        'the checkpoint, PyTorch file or ONNX file, relative to the folder (default: an example or a placeholder)',
    },
    { flags: '--name <name>', summary: "the model's name (default: the template's)" },
    { flags: '-y, --yes', summary: 'ask nothing; text-classification unless --template says otherwise' },
  ],
  example: 'conch init sentiment --template text-classification',
  async action({ arguments: [dir], options, signal }, output) {
    const { initFiles } = await import('./init/templates.ts');
    const { writeNew } = await import('./init/write-new.ts');
    const template =
      (options.template as string | undefined) ?? (options.yes === true ? templateNames[0] : await ask(signal));
    if (!isTemplate(template)) {
      throw new ConchError('USAGE', `'${template}' is no template`, { fix: `one of ${templateNames.join(', ')}` });
    }
    const folder = typeof dir === 'string' ? dir : '.';
    const { files, next } = await initFiles(template, {
      ...(options.source !== undefined && { source: options.source as string }),
      ...(options.name !== undefined && { name: options.name as string }),
    });
    const written = await writeNew(folder, files);
    if (output.json) output.printJson({ folder, template, files: written, next });
    else {
      for (const file of written) output.print(`new: ${file}`);
      output.print(`next: ${folder === '.' ? '' : `cd ${folder}, `}${next}`);
    }
    return 0;
  },
};

/** Asks for the template on a terminal; elsewhere nobody would answer. */
async function ask(signal: AbortSignal): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new ConchError('USAGE', 'no --template, and no terminal to ask on', {
      fix: `--template ${templateNames.join('|')}, or --yes`,
    });
  }
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`What is the model made from (${templateNames.join(', ')})? `, { signal });
    return answer.trim() || templateNames[0];
  } finally {
    terminal.close();
  }
}
