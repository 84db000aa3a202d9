import { ConchError } from '../../base/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** GET /v2/health/live: the process answers; also while models load. */
export function live(exchange: Exchange): void {
  const { engine, phase } = exchange.context;
  refuseWhileStopping(exchange);
  exchange.replyEmpty(phase === 'starting' || engine.isLive() ? 200 : 400);
}

/** GET /v2/health/ready: every model that should be is ready. */
export function ready(exchange: Exchange): void {
  const { engine, phase } = exchange.context;
  refuseWhileStopping(exchange);
  exchange.replyEmpty(phase === 'serving' && engine.isReady() ? 200 : 400);
}

/** GET /v2/models/M[/versions/V]/ready */
export function modelReady(exchange: Exchange, { model, version }: PathParameters): void {
  if (exchange.context.engine.isModelReady(model, version)) exchange.replyEmpty(200);
  else exchange.replyJson(400, { error: `model '${model}' has no healthy instance` });
}

function refuseWhileStopping({ context }: Exchange): void {
  if (context.phase === 'stopping') throw new ConchError('SERVER_STOPPING', 'the server is shutting down');
}
