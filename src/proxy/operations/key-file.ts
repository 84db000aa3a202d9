import { readFile } from 'node:fs/promises';
import { ConchError, type Logger, toConchError } from '../../base/index.ts';
import { type ApiKey, KeyRing, parseKeys } from './keys.ts';
import { watchFiles } from './watched-files.ts';

export interface KeySources {
  /** Path of a file of keys; read again when it changes. */
  readonly file?: string;
  /** The same lines, e.g. of an environment variable. */
  readonly text?: string;
}

export interface OpenedKeys {
  readonly ring: KeyRing;
  close(): void;
}

/**
 * The keys of a file and of a text together. When the file changes to something that cannot be read, the keys from
 * before stay in force and the log says why.
 * @throws USAGE for a source that cannot be read or holds no key at all: nobody could ask anything.
 */
export async function openKeys(
  { file, text }: KeySources,
  logger: Logger,
  options: { readonly everyMs?: number; readonly now?: () => number } = {},
): Promise<OpenedKeys> {
  const read = async (): Promise<ApiKey[]> => {
    const fixed = text === undefined ? [] : parseKeys(text, 'CONCH_API_KEYS');
    const filed = file === undefined ? [] : parseKeys(await contentOf(file), file);
    const twice = filed.find(({ name }) => fixed.some((key) => key.name === name));
    if (twice) throw new ConchError('USAGE', `key '${twice.name}' stands in ${file} and in CONCH_API_KEYS`);
    if (fixed.length + filed.length === 0) {
      throw new ConchError('USAGE', `${file ?? 'CONCH_API_KEYS'} holds no key`, {
        fix: '`conch proxy key --name web --file FILE` makes one and adds its line',
      });
    }
    return [...fixed, ...filed];
  };
  const ring = new KeyRing(await read(), options.now);
  const reread = () =>
    read().then(
      (keys) => {
        ring.replace(keys);
        logger.info({ keys: ring.names }, 'the API keys were read again');
      },
      (thrown) => logger.error(`the API keys stay as they were: ${toConchError(thrown).message}`),
    );
  const stop = file === undefined ? () => {} : watchFiles([file], () => void reread(), options.everyMs);
  return { ring, close: stop };
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConchError('USAGE', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
