import type { LatencyMetrics } from '../../engine/index.ts';
import type { ServerContext } from '../context.ts';
import { Exchange } from '../http/exchange.ts';
import { pathOf } from '../http/router.ts';
import type { Call } from '../http1/index.ts';
import { withCustom } from './custom.ts';
import { exposition, expositionContentType } from './exposition.ts';
import { metricFamilies } from './families.ts';
import { MachineWatch } from './machine.ts';

export interface MetricsOptions {
  /** Milliseconds between two readings of the machine; default 2000. */
  readonly intervalMs?: number | undefined;
  /** Whether the machine's load and memory are shown; default true. */
  readonly cpu?: boolean | undefined;
  readonly latencies?: LatencyMetrics | undefined;
}

/** Serves GET /metrics; other paths on this port get 200 and nothing, as in Triton. */
export function metricsEndpoint(context: ServerContext, options: MetricsOptions = {}): (call: Call) => void {
  const machine = options.cpu === false ? undefined : new MachineWatch(options.intervalMs);
  return (call) => {
    const exchange = new Exchange(call, context);
    try {
      if (call.method !== 'GET') {
        exchange.setHeader('Allow', 'GET');
        exchange.replyJson(405, { error: 'Method Not Allowed' });
        return;
      }
      const path = pathOf(call.url);
      const asked = path === '/metrics' || path === '/metrics/';
      const { engine } = context;
      const families = () => metricFamilies(engine, machine?.read(), options.latencies);
      const text = asked ? exposition(withCustom(families(), engine.customMetrics())) : '';
      exchange.replyText(200, expositionContentType, text);
    } catch (error) {
      exchange.replyError(error);
    }
  };
}
