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
  {
    flags: '--route <model=version:weight,...>',
    summary: "shares out a model's traffic between versions, e.g. finbert=2:90,3:10; may be repeated",
    many: true,
    parse: route,
  },
  {
    flags: '--shadow <url:share%>',
    summary: 'a server that gets copies of that share of the inferences, to be compared, e.g. http://b:8000:10%',
    parse: shadow,
  },
  { flags: '--admin', summary: 'routes that reload models and change servers, for keys with the admin scope' },
];

/** What the flags say of how several servers are used. */
export function upstreamFrom(options: CommandInput['options']): Partial<ProxyOptions> {
  const { retries, ejectAfter, ejectMs } = options as { retries?: number; ejectAfter?: number; ejectMs?: number };
  const circuit = {
    ...(ejectAfter !== undefined && { consecutiveFailures: ejectAfter }),
    ...(ejectMs !== undefined && { ejectMs }),
  };
  const routes = (options.route ?? []) as readonly (readonly [string, Record<string, number>])[];
  return {
    spread: { circuit, ...(retries !== undefined && { retries }) },
    ...(routes.length > 0 && { routes: Object.fromEntries(routes) }),
    ...(options.shadow !== undefined && { shadow: options.shadow as NonNullable<ProxyOptions['shadow']> }),
    ...(options.admin === true && { admin: true }),
  };
}

/** `finbert=2:90,3:10`. */
export function route(text: string, flag: string): [string, Record<string, number>] {
  const [, model, list = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const parts = list.split(',').map((part) => /^([1-9]\d{0,18}):(\d+(?:\.\d+)?)$/.exec(part));
  if (model === undefined || parts.includes(null)) {
    throw new ConchError(
      'USAGE',
      `${flag}: expected <model>=<version>:<weight>,..., like finbert=2:90,3:10, got '${text}'`,
    );
  }
  return [model, Object.fromEntries(parts.map((part) => [part![1], Number(part![2])]))];
}

/** `http://b:8000:10%`. */
export function shadow(text: string, flag: string): NonNullable<ProxyOptions['shadow']> {
  const [, url, percent] = /^(.+):(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (url === undefined || Number(percent) > 100) {
    throw new ConchError('USAGE', `${flag}: expected <url>:<share>%, like http://b:8000:10%, got '${text}'`);
  }
  return { url: serverAddress(url, flag).url, share: Number(percent) / 100 };
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
