import { ConchError } from '../../base/index.ts';
import type { Command } from '../command.ts';
import { relativePath } from '../compile.ts';
import { chooseModel, modelArgument, readChosen, readText, repositoryOption } from './model.ts';

export const setCommand: Command = {
  name: 'set',
  summary: "change values of a model's config.pbtxt; comments, order and everything else stay",
  arguments: [
    modelArgument,
    {
      usage: '[assignment...]',
      summary: 'path=value, e.g. max_batch_size=8 or input[0].dims=-1,128; values as config.pbtxt has them, or as JSON',
    },
  ],
  options: [
    repositoryOption,
    { flags: '--remove <path>', summary: 'take a field out; may be repeated', many: true },
    { flags: '--dry-run', summary: 'print what would change as a diff, and write nothing' },
  ],
  example: 'conch config set models/finbert-model dynamic_batching.max_queue_delay_microseconds=100',
  async action({ arguments: [named, assignments = []], options }, output) {
    const removals = (options.remove as string[] | undefined) ?? [];
    if ((assignments as string[]).length + removals.length === 0)
      throw new ConchError('USAGE', 'nothing to set', {
        fix: 'add path=value, e.g. max_batch_size=8, or --remove path',
      });
    const { editConfig, formatConfig, parseAssignment } = await import('../../config/index.ts');
    const { writeConfigFile } = await import('../../repository/index.ts');
    const { unifiedDiff } = await import('./diff.ts');
    const chosen = await chooseModel(named as string, options.repository);
    const { file } = chosen;
    const before = await readText(file);
    formatConfig(before, file); // Throws what is wrong with the text as it stands, with its place.
    const { edits, after } = inFile(file, () => {
      const set = (assignments as string[]).map(parseAssignment);
      const edits = [...set, ...removals.map((path) => ({ path, value: undefined }))];
      return { edits, after: editConfig(before, edits) };
    });
    const diff = unifiedDiff(before, after, relativePath(file));
    const write = options.dryRun !== true && diff !== '';
    if (write) {
      const { manifest } = await readChosen(chosen);
      await writeConfigFile(file, after);
      if (manifest !== undefined)
        output.note('conch compile made this model: put the change into the deployment file too, to keep it');
    }
    if (output.json) output.printJson({ file, changed: diff !== '', written: write, diff });
    else if (diff === '') output.print(`${relativePath(file)} says so already`);
    else if (write) output.print(`changed ${relativePath(file)}: ${edits.map(({ path }) => path).join(', ')}`);
    else output.print(diff.trimEnd());
    return 0;
  },
};

/** Errors of an edit do not know the file, and count lines in a text that is nowhere; their messages name the path. */
function inFile<T>(file: string, edit: () => T): T {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof ConchError)) throw error;
    const { code, message, fix } = error;
    throw new ConchError(code, message, { where: { file }, cause: error, ...(fix === undefined ? {} : { fix }) });
  }
}
