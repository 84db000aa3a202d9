import { writeFile } from 'node:fs/promises';
import { ConchError } from '../base/index.ts';
import type { Command, CommandGroup } from './command.ts';
import { requireRepository } from './deployment.ts';
import { serverAddress } from './values.ts';

const generateCommand: Command = {
  name: 'generate',
  summary:
    'write a client for the models of a repository or a server: a typed TypeScript module, curl or Python requests',
  options: [
    { flags: '--repository <dir>', summary: 'the models (default: those of the deployment file)' },
    { flags: '--server <url>', summary: 'the models that a running server has ready', parse: serverAddress },
    { flags: '--model <name>', summary: 'only this model; may be repeated', many: true },
    {
      flags: '--language <name>',
      summary: 'what to write',
      choices: ['typescript', 'curl', 'python'],
      default: 'typescript',
    },
    { flags: '--out <file>', summary: 'where to write it (default: standard output)' },
  ],
  example: 'conch client generate --repository models --out models.ts',
  async action({ options, signal }, output) {
    if (options.server !== undefined && options.repository !== undefined) {
      throw new ConchError('USAGE', '--server and --repository exclude each other');
    }
    const { generateClient } = await import('../client/index.ts');
    const repository = options.server === undefined ? await requireRepository(options.repository) : undefined;
    const { text, models } = await generateClient({
      repository,
      server: options.server as string | undefined,
      models: (options.model as string[] | undefined) ?? [],
      language: options.language as never,
      signal,
    });
    const out = options.out as string | undefined;
    if (out !== undefined) await write(out, text);
    if (output.json) output.printJson({ models, ...(out === undefined ? { text } : { out }) });
    else if (out === undefined) output.print(text.trimEnd());
    else output.note(`${out}: ${models.length} model${models.length === 1 ? '' : 's'} (${models.join(', ')})`);
    return 0;
  },
};

export const clientCommand: CommandGroup = {
  name: 'client',
  summary: 'clients for the models that are served',
  commands: [generateCommand],
};

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new ConchError('FILE_NOT_WRITTEN', `${file}: ${(cause as Error).message}`, { cause, where: { file } });
  }
}
