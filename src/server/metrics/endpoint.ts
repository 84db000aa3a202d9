import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerContext } from '../context.ts';
import { Exchange } from '../http/exchange.ts';
import { pathOf } from '../http/router.ts';
import { exposition, expositionContentType } from './exposition.ts';
import { metricFamilies } from './families.ts';
import { MachineWatch } from './machine.ts';

/** Serves GET /metrics; other paths on this port get 200 and nothing, as in Triton. */
export function metricsEndpoint(context: ServerContext): (request: IncomingMessage, response: ServerResponse) => void {
  const machine = new MachineWatch();
  return (request, response) => {
    const exchange = new Exchange(request, response, context);
    try {
      if (request.method !== 'GET') {
        response.setHeader('Allow', 'GET');
        exchange.replyJson(405, { error: 'Method Not Allowed' });
        return;
      }
      const path = pathOf(request.url!);
      const asked = path === '/metrics' || path === '/metrics/';
      const text = asked ? exposition(metricFamilies(context.engine, machine.read())) : '';
      exchange.replyText(200, expositionContentType, text);
    } catch (error) {
      exchange.replyError(error);
    }
  };
}
