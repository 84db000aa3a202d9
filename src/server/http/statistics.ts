import { statisticsOf } from '../control/statistics.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** GET /v2/models/stats */
export function allStatistics(exchange: Exchange): void {
  exchange.replyJson(200, { model_stats: exchange.context.engine.statistics() });
}

/** GET /v2/models/M[/versions/V]/stats */
export function modelStatistics(exchange: Exchange, { model, version }: PathParameters): void {
  exchange.replyJson(200, { model_stats: statisticsOf(exchange.context.engine, model, version) });
}
