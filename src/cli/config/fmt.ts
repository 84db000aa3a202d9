import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConchError, toConchError } from '../../base/index.ts';
import type { Command } from '../command.ts';
import { relativePath } from '../compile.ts';
import { requireRepository } from '../deployment.ts';
import { readText } from './model.ts';

export const fmtCommand: Command = {
  name: 'fmt',
  summary: 'lay configurations out in one way; comments and order stay, and so does what they say',
  arguments: [
    {
      usage: '[path...]',
      summary: "files, model folders or repositories (default: the deployment's repository, else models)",
    },
  ],
  options: [{ flags: '--check', summary: 'write nothing; exit 1 when a file would change' }],
  example: 'conch config fmt models --check',
  async action({ arguments: [paths = []], options }, output) {
    const { formatConfig } = await import('../../config/index.ts');
    const { writeConfigFile } = await import('../../repository/index.ts');
    const named = (paths as string[]).length > 0 ? (paths as string[]) : [await requireRepository(undefined)];
    const changed: string[] = [];
    const errors: { file: string; error: ConchError }[] = [];
    let total = 0;
    for (const file of new Set((await Promise.all(named.map(configsAt))).flat())) {
      total++;
      try {
        const before = await readText(file);
        const after = formatConfig(before, file);
        if (after === before) continue;
        if (options.check !== true) await writeConfigFile(file, after);
        changed.push(file);
      } catch (error) {
        errors.push({ file, error: toConchError(error) });
      }
    }
    const verdict = errors.length > 0 || (options.check === true && changed.length > 0) ? 1 : 0;
    if (output.json) {
      const failures = errors.map(({ file, error: { code, message, where, fix } }) => ({
        file,
        code,
        message,
        where,
        fix,
      }));
      output.printJson({ files: total, changed, errors: failures });
      return verdict;
    }
    for (const file of changed) output.print(relativePath(file));
    for (const { error } of errors) output.print(`not formatted: ${String(error)}`);
    const what = options.check === true ? 'would change' : 'formatted';
    output.note(
      `${changed.length} of ${total} files ${what}${errors.length > 0 ? `, ${errors.length} cannot be read` : ''}`,
    );
    return verdict;
  },
};

/** A file itself; of a model folder its config.pbtxt and what `--model-config-name` may choose; of a repository all. */
async function configsAt(path: string): Promise<string[]> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new ConchError('FILE_NOT_FOUND', `nothing at ${path}`, { where: { file: path }, cause: error });
  });
  if (!status.isDirectory()) return [path];
  const own = await configsOf(path);
  if (own.length > 0) return own;
  const folders = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const names = folders.map((entry) => entry.name).sort();
  return (await Promise.all(names.map((name) => configsOf(join(path, name))))).flat();
}

async function configsOf(dir: string): Promise<string[]> {
  const within = async (folder: string, wanted: RegExp) => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const files = entries.filter((entry) => wanted.test(entry.name));
    return files.map((entry) => join(folder, entry.name)).sort();
  };
  return [...(await within(dir, /^config\.pbtxt$/)), ...(await within(join(dir, 'configs'), /\.pbtxt$/))];
}
