import type { ProxyOptions } from '../../proxy/index.ts';
import type { CommandInput, Option } from '../command.ts';
import { port } from '../values.ts';

/** Flags of `proxy` for watching it. */
export const observationOptions: readonly Option[] = [
  {
    flags: '--metrics-port <port>',
    summary:
      'a port of its own for Prometheus metrics (default: the route /metrics, for admin keys where there are keys)',
    parse: port,
  },
];

export function observationFrom(options: CommandInput['options']): Partial<ProxyOptions> {
  return { ...(options.metricsPort !== undefined && { metricsPort: options.metricsPort as number }) };
}
