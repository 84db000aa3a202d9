import { ConchError } from '../base/index.ts';
import { parseServerUrl } from './address.ts';
import type { BalancedClient } from './balance/client.ts';
import { connectTo, defaultTimeoutMs } from './balance/connect.ts';
import { GrpcClient } from './grpc/client.ts';
import { NodeChannel } from './grpc/node-channel.ts';
import { HttpClient } from './http/client.ts';
import { SocketTransport } from './http/node-sockets.ts';
import { NodeTransport } from './http/node-transport.ts';
import type { ConnectOptions } from './options.ts';
import type { TritonClient } from './triton-client.ts';

/**
 * A client for the server at `url`: `http://host:port`, `https://host:port`, or `host:port` for http; `grpc://host:port`
 * or `grpcs://host:port` for gRPC (port 8001 where none is named). Of HTTP a path counts as a prefix (a gateway's), a
 * user name and password become an Authorization header. Several addresses make one client over all of them, which
 * balances and retries. Connections are opened by the first call. Throws USAGE for what is no such address.
 */
export function connect(url: string, options?: ConnectOptions): TritonClient;
export function connect(urls: readonly string[], options?: ConnectOptions): BalancedClient;
export function connect(urls: string | readonly string[], options: ConnectOptions = {}): TritonClient {
  return connectTo(urls, options, (address) => open(address, options));
}

function open(address: string, options: ConnectOptions): TritonClient {
  const url = parseServerUrl(address);
  const { timeoutMs = defaultTimeoutMs, headers = {}, requestCompression, responseCompression, tls } = options;
  const common = { timeoutMs, headers, responseCompression, tls };
  if (url.protocol.startsWith('grpc')) {
    if (requestCompression === 'deflate') {
      throw new ConchError('USAGE', "requestCompression 'deflate' is not for gRPC", { fix: "use 'gzip'" });
    }
    return new GrpcClient(new NodeChannel(url, { ...common, requestCompression }));
  }
  const { maxConnections = 256 } = options;
  const settings = { ...common, maxConnections, requestCompression };
  const whole = new NodeTransport(url, settings);
  const bare = url.protocol === 'http:' && requestCompression === undefined && !responseCompression;
  const transport = bare ? new SocketTransport(url, settings, whole) : whole;
  return new HttpClient(transport, options.tensors ?? 'binary');
}
