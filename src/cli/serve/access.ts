import type { ServerOptions } from '../../server/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { boolean } from '../values.ts';

/** Flags of `serve` that let clients do more than ask models, or keep them from it. */
export const accessOptions: readonly Option[] = [
  {
    flags: '--allow-client-shm <bool>',
    summary: 'let clients on this machine pass tensors in shared memory (default: false)',
    parse: boolean,
  },
  {
    flags: '--allow-trace-settings <bool>',
    summary: 'let clients change trace settings (default: false; Triton always lets them)',
    parse: boolean,
  },
  {
    flags: '--allow-log-settings <bool>',
    summary: 'let clients change log settings (default: false; Triton always lets them)',
    parse: boolean,
  },
  {
    flags: '--http-restricted-api <apis:header=value>',
    summary:
      'answer these only to requests with the header, e.g. model-repository,logging:admin-key=secret; may be repeated',
    many: true,
  },
];

export async function accessFrom(options: CommandInput['options']): Promise<Partial<ServerOptions>> {
  const { parseRestriction } = await import('../../server/index.ts');
  const restrictions = (options.httpRestrictedApi ?? []) as readonly string[];
  return {
    allowClientShm: options.allowClientShm === true,
    allowTraceSettings: options.allowTraceSettings === true,
    allowLogSettings: options.allowLogSettings === true,
    httpRestrictedApi: restrictions.map((text) => parseRestriction(text, '--http-restricted-api')),
  };
}
