import { resolve } from 'node:path';
import { ConchError } from '../../base/index.ts';
import type { TextOptions } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';

/** Flags of `proxy` for how texts reach encoders. */
export const textOptions: readonly Option[] = [
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

export function textFrom({ textPath, tokenizer, repository }: CommandInput['options']): { text: TextOptions } {
  return {
    text: {
      path: textPath as NonNullable<TextOptions['path']>,
      tokenizers: Object.fromEntries((tokenizer as [string, string][] | undefined) ?? []),
      ...(typeof repository === 'string' && { repository: resolve(repository) }),
    },
  };
}
