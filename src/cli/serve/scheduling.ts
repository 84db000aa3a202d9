import { ConchError } from '../../base/index.ts';
import type { ServerOptions } from '../../server/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { positiveInteger } from '../values.ts';

/** Flags of `serve` that change how requests are scheduled; names and forms are Triton's. */
export const schedulingOptions: readonly Option[] = [
  {
    flags: '--cache-config <config>',
    summary: 'keep responses of models with response_cache, e.g. local,size=1048576 (bytes)',
    parse: cacheConfig,
  },
  {
    flags: '--response-cache-byte-size <bytes>',
    summary: 'the same, as older Tritons spell it',
    parse: positiveInteger,
  },
  {
    flags: '--rate-limit <mode>',
    summary: 'execution_count: instances wait for the resources of their rate_limiter',
    choices: ['off', 'execution_count'],
    default: 'off',
  },
  {
    flags: '--rate-limit-resource <name:count[:device]>',
    summary: 'how much there is of a resource; may be repeated',
    parse: resourceLimit,
    many: true,
  },
];

export function schedulingFrom(
  options: CommandInput['options'],
): Pick<ServerOptions, 'responseCacheBytes' | 'rateLimit'> {
  const cache = (options.cacheConfig ?? options.responseCacheByteSize) as number | undefined;
  const resources = (options.rateLimitResource ?? []) as NonNullable<ServerOptions['rateLimit']>['resources'];
  const limited = options.rateLimit === 'execution_count';
  if (resources.length > 0 && !limited) {
    throw new ConchError('USAGE', '--rate-limit-resource has no effect while --rate-limit is off', {
      fix: 'add --rate-limit execution_count',
    });
  }
  return { ...(cache !== undefined && { responseCacheBytes: cache }), ...(limited && { rateLimit: { resources } }) };
}

/** `local,size=N`: the bytes. */
function cacheConfig(text: string, flag: string): number {
  const [kind, size] = /^([^,]*),size=(\d+)$/.exec(text)?.slice(1) ?? [];
  if (kind === 'local' && size !== undefined) return positiveInteger(size, `${flag} local,size=`);
  throw new ConchError('USAGE', `${flag}: expected local,size=<bytes>, got '${text}'`, {
    ...(text.startsWith('redis') && { fix: 'the embedded server keeps responses in its own memory only' }),
  });
}

function resourceLimit(text: string, flag: string): NonNullable<ServerOptions['rateLimit']>['resources'][number] {
  const [name, count, device] = /^([^:]+):(\d+)(?::(\d+))?$/.exec(text)?.slice(1) ?? [];
  if (name === undefined || count === undefined)
    throw new ConchError('USAGE', `${flag}: expected name:count or name:count:device, got '${text}'`);
  return { name, count: Number(count), ...(device !== undefined && { device: Number(device) }) };
}
