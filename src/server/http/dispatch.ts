import type { ServerContext } from '../context.ts';
import { takesWork, unavailable } from '../control/phase.ts';
import type { Call } from '../http1/index.ts';
import { Exchange } from './exchange.ts';
import { pathOf } from './router.ts';
import { routes } from './routes.ts';

/** Answers one request. Never throws: whatever goes wrong becomes an answer. */
export function dispatch(call: Call, context: ServerContext): void {
  const exchange = new Exchange(call, context);
  try {
    const match = routes.find(call.method, pathOf(call.url));
    if (match === undefined) {
      exchange.replyJson(404, { error: 'Not Found' });
      return;
    }
    if (!('handler' in match)) {
      exchange.setHeader('Allow', match.allowed.join(', '));
      exchange.replyJson(405, { error: 'Method Not Allowed' });
      return;
    }
    const { endpoint, category, always } = match.handler;
    const { httpRestricted: access } = context;
    const header = access.any ? access.missing(category, (name) => exchange.header(name)) : undefined;
    if (header !== undefined) {
      exchange.replyJson(403, { error: `this API is restricted, expecting header '${header}'` });
      return;
    }
    if (!takesWork(context) && !always) throw unavailable(context);
    const done = endpoint(exchange, match.parameters);
    if (done) done.catch((error) => exchange.replyError(error));
  } catch (error) {
    exchange.replyError(error);
  }
}
