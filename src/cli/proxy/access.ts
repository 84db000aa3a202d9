import { ConchError } from '../../base/index.ts';
import type { ProxyOptions } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';

/** Flags of `proxy` that say who may ask. */
export const accessOptions: readonly Option[] = [
  {
    flags: '--api-keys <file>',
    summary: 'ask for the keys of this file, made by `conch proxy key`; CONCH_API_KEYS may hold such lines as well',
  },
  {
    flags: '--tls-server-cert <file>',
    summary: 'speak HTTPS with this certificate (PEM, with its chain); it is read again when it changes',
  },
  { flags: '--tls-server-key <file>', summary: 'the private key that belongs to it' },
  {
    flags: '--tls-root-cert <file>',
    summary: 'serve only clients with a certificate that one of these has signed',
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
  const tls = tlsFrom(options);
  return {
    ...(Object.keys(keys).length > 0 && { apiKeys: keys }),
    ...(tls && { tls }),
    ...(options.corsOrigin !== undefined && { corsOrigins: options.corsOrigin as string[] }),
  };
}

function tlsFrom({ tlsServerCert, tlsServerKey, tlsRootCert }: CommandInput['options']): ProxyOptions['tls'] {
  if (tlsServerCert === undefined && tlsServerKey === undefined && tlsRootCert === undefined) return undefined;
  if (tlsServerCert === undefined || tlsServerKey === undefined) {
    const missing = tlsServerCert === undefined ? '--tls-server-cert' : '--tls-server-key';
    throw new ConchError('USAGE', `${missing} is missing: a certificate and its key go together`);
  }
  return {
    serverCert: tlsServerCert as string,
    serverKey: tlsServerKey as string,
    ...(tlsRootCert !== undefined && { rootCert: tlsRootCert as string }),
  };
}
