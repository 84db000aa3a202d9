import { ConchError } from '../../base/index.ts';
import type { ListenerOptions } from '../../server/index.ts';
import type { Option } from '../command.ts';
import { positiveInteger } from '../values.ts';

/** How the HTTP front end is reached. */
export const httpOptions: readonly Option[] = [
  { flags: '--http-use-ssl', summary: 'HTTP over TLS; needs --http-server-cert and --http-server-key' },
  { flags: '--http-server-cert <file>', summary: "the server's certificate with its chain, PEM" },
  { flags: '--http-server-key <file>', summary: 'its private key, PEM' },
  { flags: '--http-root-cert <file>', summary: 'accept only clients with a certificate signed by one of these, PEM' },
  {
    flags: '--http-header-forward-pattern <regex>',
    summary: 'headers whose name matches become parameters of the request',
  },
  {
    flags: '--http-thread-count <n>',
    summary: "taken for Triton's sake, without effect: one thread serves HTTP, instances have their own",
    parse: positiveInteger,
  },
];

type HttpOptions = Pick<ListenerOptions, 'httpTls' | 'httpHeaderForwardPattern'>;

/** Throws USAGE where options contradict each other. */
export function httpFrom(options: Readonly<Record<string, unknown>>): HttpOptions {
  const { httpUseSsl, httpServerCert, httpServerKey, httpRootCert, httpHeaderForwardPattern } = options;
  const files = { httpServerCert, httpServerKey, httpRootCert };
  if (!httpUseSsl && Object.values(files).some((file) => file !== undefined)) {
    throw new ConchError('USAGE', 'certificates are given, but HTTP is served without TLS', {
      fix: 'add --http-use-ssl',
    });
  }
  if (httpUseSsl && (httpServerCert === undefined || httpServerKey === undefined)) {
    throw new ConchError('USAGE', '--http-use-ssl needs --http-server-cert and --http-server-key');
  }
  return {
    ...(httpUseSsl === true && {
      httpTls: {
        serverCert: httpServerCert as string,
        serverKey: httpServerKey as string,
        ...(httpRootCert !== undefined && { rootCert: httpRootCert as string }),
      },
    }),
    ...(httpHeaderForwardPattern !== undefined && { httpHeaderForwardPattern: httpHeaderForwardPattern as string }),
  };
}
