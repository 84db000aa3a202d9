import { configToJson } from '../../config/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** Protocol extensions that are served here, in Triton's order and with its names. */
const extensions = [
  'classification',
  'model_repository',
  'model_repository(unload_dependents)',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
  'trace',
  'logging',
];

/** GET /v2 */
export function serverMetadata(exchange: Exchange): void {
  const { id, version } = exchange.context;
  exchange.replyJson(200, { name: id, version, extensions });
}

/** GET /v2/models/M[/versions/V] */
export function modelMetadata(exchange: Exchange, { model, version }: PathParameters): void {
  exchange.replyJson(200, exchange.context.engine.metadata(model, version));
}

/** GET /v2/models/M[/versions/V]/config: the configuration in force. */
export function modelConfig(exchange: Exchange, { model, version }: PathParameters): void {
  exchange.replyJson(200, configToJson(exchange.context.engine.config(model, version)));
}
