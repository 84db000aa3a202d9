import { appendFile, readFile } from 'node:fs/promises';
import { ConchError } from '../../base/index.ts';
import type { Command } from '../command.ts';

export const keyCommand: Command = {
  name: 'key',
  summary: 'makes an API key for the proxy: shows it once, and the line that stands for it in a file of keys',
  options: [
    { flags: '--name <name>', summary: 'whose key it is; told in logs and metrics' },
    { flags: '--admin', summary: 'for the admin routes as well' },
    { flags: '--rate <rate>', summary: 'most requests, like 100/s, 600/min or 1000/h (default: any number)' },
    { flags: '--file <path>', summary: 'add the line to this file' },
  ],
  example: 'conch proxy key --name web --rate 600/min --file keys.txt',
  async action({ options }, output) {
    const { keyLine, makeKey, parseKeys } = await import('../../proxy/index.ts');
    if (options.name === undefined) {
      throw new ConchError('USAGE', '--name is missing: it names whose key that is', { fix: 'e.g. --name web' });
    }
    const { name, rate, file } = options as { name: string; rate?: string; file?: string };
    const key = makeKey();
    const line = keyLine(name, key, { admin: options.admin === true, ...(rate !== undefined && { rate }) });
    if (file !== undefined) {
      const before = await contentOf(file);
      if (parseKeys(before, file).some((known) => known.name === name)) {
        throw new ConchError('USAGE', `${file} has a key '${name}' already`, {
          fix: 'take another name, or delete its line first',
        });
      }
      const gap = before === '' || before.endsWith('\n') ? '' : '\n';
      await appendFile(file, `${gap}${line}\n`, { mode: 0o600 });
    }
    if (output.json) output.printJson({ name, key, line });
    else {
      output.print(key);
      if (file === undefined) output.print(line);
      output.note(
        `the key is shown this once; ${file === undefined ? 'the line below it goes into the file of keys' : `its line was added to ${file}`}`,
      );
    }
    return 0;
  },
};

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new ConchError('USAGE', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
