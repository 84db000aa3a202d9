import { connect } from '../../client/index.ts';
import { SpreadClient, type SpreadOptions } from './spread-client.ts';

export interface ServerAddress {
  readonly url: string;
  /** Share of the requests in proportion to the others'; default 1. */
  readonly weight?: number;
}

/** One client over the servers at these addresses. @throws USAGE for what is no address. */
export function connectServers(
  server: string | readonly ServerAddress[],
  options: SpreadOptions & { readonly timeoutMs: number },
): SpreadClient {
  const addresses = typeof server === 'string' ? [{ url: server }] : server;
  const { timeoutMs } = options;
  return new SpreadClient(
    addresses.map(({ url, weight }) => ({ client: connect(url, { timeoutMs }), weight })),
    options,
  );
}
