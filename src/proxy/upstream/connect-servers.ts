import { connect } from '../../client/index.ts';
import { Shadow, type ShadowOptions } from './shadow.ts';
import { SpreadClient, type SpreadOptions } from './spread-client.ts';

export interface ServerAddress {
  readonly url: string;
  /** Share of the requests in proportion to the others'; default 1. */
  readonly weight?: number;
}

/** The server that shadows, and how. */
export type ShadowAddress = Omit<ShadowOptions, 'client'> & { readonly url: string };

/** @throws USAGE for what is no address, or no share. */
export function shadowAt({ url, ...options }: ShadowAddress): Shadow {
  return new Shadow({ ...options, client: connect(url) });
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
