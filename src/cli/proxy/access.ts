import type { ProxyOptions } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';

/** Flags of `proxy` that say who may ask. */
export const accessOptions: readonly Option[] = [
  {
    flags: '--api-keys <file>',
    summary: 'ask for the keys of this file, made by `conch proxy key`; CONCH_API_KEYS may hold such lines as well',
  },
  {
    flags: '--cors-origin <origin>',
    summary: 'let pages of this origin ask from a browser, * all; may be repeated',
    many: true,
  },
];

export function accessFrom(options: CommandInput['options'], environment = process.env): Partial<ProxyOptions> {
  const file = options.apiKeys as string | undefined;
  const text = environment.CONCH_API_KEYS;
  const keys = { ...(file !== undefined && { file }), ...(text !== undefined && { text }) };
  return {
    ...(Object.keys(keys).length > 0 && { apiKeys: keys }),
    ...(options.corsOrigin !== undefined && { corsOrigins: options.corsOrigin as string[] }),
  };
}
