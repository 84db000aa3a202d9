import { isLive, isReady } from '../control/phase.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** GET /v2/health/live: the process answers; also while models load. */
export function live(exchange: Exchange): void {
  exchange.replyEmpty(isLive(exchange.context) ? 200 : 400);
}

/** GET /v2/health/ready: every model that should be is ready. */
export function ready(exchange: Exchange): void {
  exchange.replyEmpty(isReady(exchange.context) ? 200 : 400);
}

/** GET /v2/models/M[/versions/V]/ready */
export async function modelReady(exchange: Exchange, { model, version }: PathParameters): Promise<void> {
  if (await exchange.context.engine.isModelReady(model, version)) exchange.replyEmpty(200);
  else exchange.replyJson(400, { error: `model '${model}' has no healthy instance, or one that is not ready` });
}
