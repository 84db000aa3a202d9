import { resolve } from 'node:path';
import { ConchError } from '../../base/index.ts';
import type { ProxyOptions, TextOptions } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { positiveInteger } from '../values.ts';

/** Flags of `proxy` for how models are run: texts, the cache, and how it learns of changes. */
export const runOptions: readonly Option[] = [
  { flags: '--watch', summary: 'look at the server every second: models that are loaded, reloaded or unloaded' },
  {
    flags: '--cache-size <bytes>',
    summary: 'keep answers in this many bytes of memory (default: none); looks at the server every second',
    parse: positiveInteger,
  },
  {
    flags: '--cache-entries <count>',
    summary: 'with --cache-size: answers kept at the most',
    parse: positiveInteger,
    default: 100_000,
  },
  {
    flags: '--text-path <path>',
    summary:
      'texts to encoders: tokenized in the proxy (direct), by the ensemble, or direct where the tokenizer is at hand',
    choices: ['auto', 'direct', 'ensemble'],
    default: 'auto',
  },
  {
    flags: '--tokenizer <model=dir>',
    summary: "folder with a tokenizer model's tokenizer.json (default: its folder in --repository)",
    many: true,
    parse: (text, flag) => {
      const [, model, dir] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (model === undefined || dir === undefined) {
        throw new ConchError('USAGE', `${flag}: expected <model>=<folder>, got '${text}'`);
      }
      return [model, resolve(dir)];
    },
  },
];

/** `repository`: where the server has its models from. */
export function runFrom(
  { textPath, tokenizer, watch, cacheSize, cacheEntries }: CommandInput['options'],
  repository: string | undefined,
): Pick<ProxyOptions, 'text' | 'cache' | 'watchMs'> {
  return {
    ...(watch === true && { watchMs: 1000 }),
    ...(cacheSize !== undefined && {
      cache: { maxBytes: cacheSize as number, maxEntries: cacheEntries as number },
    }),
    text: {
      path: textPath as NonNullable<TextOptions['path']>,
      tokenizers: Object.fromEntries((tokenizer as [string, string][] | undefined) ?? []),
      ...(repository !== undefined && { repository: resolve(repository) }),
    },
  };
}
