import { ConchError } from '../../base/index.ts';
import type { ConnectOptions } from '../options.ts';
import type { TritonClient } from '../triton-client.ts';
import { BalancedClient } from './client.ts';
import { systemClock } from './clock.ts';

export const defaultTimeoutMs = 60_000;

/** What `connect` gives for its addresses: for one of them without retries the plain client that `open` makes. */
export function connectTo(
  addresses: string | readonly string[],
  options: ConnectOptions,
  open: (address: string) => TritonClient,
): TritonClient {
  const { retry, timeoutMs = defaultTimeoutMs } = options;
  const given = typeof retry === 'number' ? { retries: retry } : (retry ?? {});
  if (typeof addresses === 'string' && !given.retries) return open(addresses);
  const list = [addresses].flat();
  if (list.length === 0) throw new ConchError('USAGE', 'no address of a server was given');
  const clients = list.map(open);
  return new BalancedClient(clients, {
    timeoutMs,
    retry: { ...(clients.length > 1 && { retries: 2 }), ...given },
    balance: options.balance ?? {},
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  });
}
