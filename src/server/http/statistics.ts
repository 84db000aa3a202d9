import { ConchError } from '../../base/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** GET /v2/models/stats */
export function allStatistics(exchange: Exchange): void {
  exchange.replyJson(200, { model_stats: exchange.context.engine.statistics() });
}

/** GET /v2/models/M[/versions/V]/stats. Triton calls an unknown model an invalid argument here, not one not found. */
export function modelStatistics(exchange: Exchange, { model, version }: PathParameters): void {
  try {
    exchange.replyJson(200, { model_stats: exchange.context.engine.statistics(model, version) });
  } catch (error) {
    if (!(error instanceof ConchError) || error.code !== 'MODEL_NOT_FOUND') throw error;
    throw new ConchError('MODEL_NOT_FOUND', error.message, { status: 'INVALID_ARG' });
  }
}
