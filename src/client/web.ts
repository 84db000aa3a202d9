// The door for browsers, Deno and Bun, bundled by itself: nothing that is used from here may import Node's modules.
import { ConchError } from '../base/index.ts';
import { parseServerUrl } from './address.ts';
import type { BalancedClient } from './balance/client.ts';
import { connectTo, defaultTimeoutMs } from './balance/connect.ts';
import { HttpClient } from './http/client.ts';
import { FetchTransport } from './http/fetch-transport.ts';
import type { ConnectOptions } from './options.ts';
import type { TritonClient } from './triton-client.ts';

export * from './everywhere.ts';

/**
 * As on Node, over `fetch`: for `http://` and `https://` addresses; in a page also a path, e.g. `/triton`, at the page's
 * own server. What only Node can do (gRPC, `tls`, `maxConnections`) is refused or has no effect. Throws USAGE.
 */
export function connect(url: string, options?: ConnectOptions): TritonClient;
export function connect(urls: readonly string[], options?: ConnectOptions): BalancedClient;
export function connect(urls: string | readonly string[], options: ConnectOptions = {}): TritonClient {
  return connectTo(urls, options, (address) => open(address, options));
}

function open(address: string, options: ConnectOptions): TritonClient {
  const { location } = globalThis as { location?: { href: string } };
  const url = parseServerUrl(address.startsWith('/') && location ? new URL(address, location.href).href : address);
  if (url.protocol.startsWith('grpc')) {
    throw new ConchError('USAGE', `'${address}': gRPC is spoken on Node only`, { fix: 'give the http:// address' });
  }
  if (options.tls) {
    throw new ConchError('USAGE', "the option 'tls' is for Node", { fix: "set it up by the platform's own means" });
  }
  const { timeoutMs = defaultTimeoutMs, headers = {}, requestCompression, tensors = 'binary' } = options;
  return new HttpClient(new FetchTransport(url, { timeoutMs, headers, requestCompression }), tensors);
}
