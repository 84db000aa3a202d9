import { ConchError } from '../../base/index.ts';
import type { ProxyOptions, ServerAddress } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { positiveInteger, positiveNumber, unsignedInteger } from '../values.ts';

/** Flags of `proxy` that say which servers are behind it, and when one is left out. */
export const upstreamOptions: readonly Option[] = [
  {
    flags: '--server <url[=weight]>',
    summary: 'the server behind it: Triton, or conch serve; may be repeated, a weight gives it its share',
    many: true,
    parse: serverAddress,
  },
  {
    flags: '--retries <n>',
    summary: 'other servers that an inference is tried on when its first fails (default: 2)',
    parse: unsignedInteger,
  },
  {
    flags: '--eject-after <n>',
    summary: 'failures in a row after which a server is left out (default: 5)',
    parse: positiveInteger,
  },
  {
    flags: '--eject-ms <ms>',
    summary: 'how long the first time; each time in a row doubles it, up to 30 s (default: 1000)',
    parse: positiveInteger,
  },
];

/** What the flags say of how several servers are used. */
export function upstreamFrom(options: CommandInput['options']): Partial<ProxyOptions> {
  const { retries, ejectAfter, ejectMs } = options as { retries?: number; ejectAfter?: number; ejectMs?: number };
  const circuit = {
    ...(ejectAfter !== undefined && { consecutiveFailures: ejectAfter }),
    ...(ejectMs !== undefined && { ejectMs }),
  };
  return { spread: { circuit, ...(retries !== undefined && { retries }) } };
}

/** `http://a:8000`, or `grpc://a:8001=3` with a weight. */
export function serverAddress(text: string, flag: string): ServerAddress {
  const [, url = text, weight] = /^(.*)=([^=/]*)$/.exec(text) ?? [];
  if (!URL.canParse(url) || !/^(https?|grpcs?):$/.test(new URL(url).protocol)) {
    throw new ConchError('USAGE', `${flag}: expected an address like http://127.0.0.1:8000, got '${url}'`);
  }
  const plain = url.replace(/\/+$/, '');
  return weight === undefined ? { url: plain } : { url: plain, weight: positiveNumber(weight, `${flag}: weight`) };
}
