import { ConchError } from '../base/index.ts';
import { GrpcClient } from './grpc/client.ts';
import { NodeChannel } from './grpc/node-channel.ts';
import { HttpClient } from './http/client.ts';
import { NodeTransport } from './http/node-transport.ts';
import type { ConnectOptions } from './options.ts';
import type { TritonClient } from './triton-client.ts';

/**
 * A client for the server at `url`: `http://host:port`, `https://host:port`, or `host:port` for http; `grpc://host:port`
 * or `grpcs://host:port` for gRPC (port 8001 where none is named). Of HTTP a path counts as a prefix (a gateway's), a
 * user name and password become an Authorization header. Connections are opened by the first call. Throws USAGE for what is no such address.
 */
export function connect(url: string, options: ConnectOptions = {}): TritonClient {
  const parsed = parseServerUrl(url);
  const { timeoutMs = 60_000, headers = {}, requestCompression, responseCompression, tls } = options;
  if (parsed.protocol.startsWith('grpc')) {
    if (requestCompression === 'deflate') {
      throw new ConchError('USAGE', "requestCompression 'deflate' is not for gRPC", { fix: "use 'gzip'" });
    }
    return new GrpcClient(
      new NodeChannel(parsed, { timeoutMs, headers, requestCompression, responseCompression, tls }),
    );
  }
  const { maxConnections = 256 } = options;
  const transport = new NodeTransport(parsed, {
    timeoutMs,
    headers,
    maxConnections,
    requestCompression,
    responseCompression,
    tls,
  });
  return new HttpClient(transport, options.tensors ?? 'binary');
}

function parseServerUrl(text: string): URL {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (!url || url.hostname === '') throw notAnAddress(text, 'is not the address of a server');
  if (!['http:', 'https:', 'grpc:', 'grpcs:'].includes(url.protocol)) {
    throw notAnAddress(text, `has the scheme '${url.protocol.slice(0, -1)}', which is not spoken here`);
  }
  return url;
}

function notAnAddress(text: string, what: string): ConchError {
  return new ConchError('USAGE', `'${text}' ${what}`, { fix: 'give it like http://127.0.0.1:8000' });
}
