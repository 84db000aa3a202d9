import { configToJson } from '../../config/index.ts';
import { serverMetadata } from '../control/metadata.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** GET /v2 */
export function describeServer(exchange: Exchange): void {
  exchange.replyJson(200, serverMetadata(exchange.context));
}

/** GET /v2/models/M[/versions/V] */
export function modelMetadata(exchange: Exchange, { model, version }: PathParameters): void {
  exchange.replyJson(200, exchange.context.engine.metadata(model, version));
}

/** GET /v2/models/M[/versions/V]/config: the configuration in force. */
export function modelConfig(exchange: Exchange, { model, version }: PathParameters): void {
  exchange.replyJson(200, configToJson(exchange.context.engine.config(model, version)));
}
