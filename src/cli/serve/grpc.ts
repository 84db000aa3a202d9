import { ConchError } from '../../base/index.ts';
import type { ServerOptions } from '../../server/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { port, positiveInteger, wholeNumber } from '../values.ts';

const flag = (name: string, summary: string): Option => ({ flags: `--${name} [bool]`, summary, parse: boolean });
const milliseconds = (name: string, summary: string): Option => ({
  flags: `--grpc-${name} <ms>`,
  summary,
  parse: positiveInteger,
});

/** Flags of `serve` for gRPC; names and meanings are Triton's. */
export const grpcOptions: readonly Option[] = [
  { flags: '--grpc-port <port>', summary: 'gRPC', parse: port, default: 8001 },
  { flags: '--grpc-address <host>', summary: "address to listen on for gRPC (default: HTTP's)" },
  flag('allow-grpc', 'false: no gRPC (default: true)'),
  flag('grpc-use-ssl', 'gRPC with TLS (default: false)'),
  flag('grpc-use-ssl-mutual', 'clients must show a certificate, too (default: false)'),
  { flags: '--grpc-server-cert <file>', summary: 'PEM file of the certificate' },
  { flags: '--grpc-server-key <file>', summary: 'PEM file of its key' },
  { flags: '--grpc-root-cert <file>', summary: "PEM file of the authority that signs clients' certificates" },
  {
    flags: '--grpc-infer-response-compression-level <level>',
    summary: 'compress inference responses',
    choices: ['none', 'low', 'medium', 'high'],
    default: 'none',
  },
  {
    flags: '--grpc-restricted-protocol <group>',
    summary: '<category,..>:<key>=<value>: calls need the metadata triton-grpc-protocol-<key>; may be repeated',
    many: true,
  },
  {
    flags: '--grpc-header-forward-pattern <regex>',
    summary: 'metadata whose name matches become parameters of the request',
  },
  milliseconds('keepalive-time', 'ask a silent connection whether it is alive after this long (default: 7200000)'),
  milliseconds('keepalive-timeout', 'close it without an answer after this long (default: 20000)'),
  flag('grpc-keepalive-permit-without-calls', 'ask also while no call is open (default: false)'),
  milliseconds(
    'http2-min-recv-ping-interval-without-data',
    "clients' pings may not come faster than this without data (default: 300000)",
  ),
  {
    flags: '--grpc-http2-max-ping-strikes <n>',
    summary: 'how many of them close the connection; 0: none (default: 2)',
    parse: (text, name) => wholeNumber(text, name, 0, 2 ** 31 - 1),
  },
  milliseconds('max-connection-age', 'tell clients to connect anew after this long (default: never)'),
  milliseconds('max-connection-age-grace', 'how long their calls may take then (default: no limit)'),
];

/** What the flags say about gRPC. Throws USAGE for TLS without its files. */
export async function grpcFrom(options: CommandInput['options']): Promise<Pick<ServerOptions, 'grpcPort' | 'grpc'>> {
  if (options.allowGrpc === false) return {};
  const { parseRestriction } = await import('../../server/index.ts');
  const groups = (options.grpcRestrictedProtocol ?? []) as string[];
  const tls = tlsFrom(options);
  const text = (name: string) => options[name] as string | undefined;
  const number = (name: string) => options[name] as number | undefined;
  const keepalive = {
    timeMs: number('grpcKeepaliveTime'),
    timeoutMs: number('grpcKeepaliveTimeout'),
    permitWithoutCalls: options.grpcKeepalivePermitWithoutCalls as boolean | undefined,
    minPingIntervalMs: number('grpcHttp2MinRecvPingIntervalWithoutData'),
    maxPingStrikes: number('grpcHttp2MaxPingStrikes'),
    maxConnectionAgeMs: number('grpcMaxConnectionAge'),
    maxConnectionAgeGraceMs: number('grpcMaxConnectionAgeGrace'),
  };
  const host = text('grpcAddress');
  const headerForwardPattern = text('grpcHeaderForwardPattern');
  return {
    grpcPort: options.grpcPort as number,
    grpc: {
      ...(host !== undefined && { host }),
      ...(tls && { tls }),
      ...(headerForwardPattern !== undefined && { headerForwardPattern }),
      compressionLevel: options.grpcInferResponseCompressionLevel as 'none',
      restrictedProtocol: groups.map((group) => parseRestriction(group, '--grpc-restricted-protocol')),
      keepalive: Object.fromEntries(Object.entries(keepalive).filter(([, value]) => value !== undefined)),
    },
  };
}

function tlsFrom(options: CommandInput['options']): NonNullable<ServerOptions['grpc']>['tls'] {
  const mutual = options.grpcUseSslMutual === true;
  if (!mutual && options.grpcUseSsl !== true) return undefined;
  const file = (name: string, option: string): string => {
    const path = options[name] as string | undefined;
    if (path !== undefined) return path;
    throw new ConchError('USAGE', `${mutual ? '--grpc-use-ssl-mutual' : '--grpc-use-ssl'} needs ${option}`);
  };
  return {
    serverCert: file('grpcServerCert', '--grpc-server-cert'),
    serverKey: file('grpcServerKey', '--grpc-server-key'),
    ...(mutual && { rootCert: file('grpcRootCert', '--grpc-root-cert') }),
  };
}

/** `--flag`, `--flag true` and `--flag=false`. */
function boolean(text: string, name: string): boolean {
  if (/^(true|1|on|yes)$/i.test(text)) return true;
  if (/^(false|0|off|no)$/i.test(text)) return false;
  throw new ConchError('USAGE', `${name}: expected true or false, got '${text}'`);
}
