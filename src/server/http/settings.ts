import { ConchError } from '../../base/index.ts';
import type { Exchange } from './exchange.ts';
import type { PathParameters } from './router.ts';

/** Triton's trace settings as they stand when nothing is traced. */
const traceSettings = {
  trace_level: ['OFF'],
  trace_rate: '1000',
  trace_count: '-1',
  log_frequency: '0',
  trace_file: '',
  trace_mode: 'triton',
};

/** GET /v2/trace/setting */
export function trace(exchange: Exchange): void {
  exchange.replyJson(200, traceSettings);
}

/** GET /v2/models/M/trace/setting */
export function modelTrace(exchange: Exchange, { model }: PathParameters): void {
  exchange.context.engine.metadata(model);
  exchange.replyJson(200, traceSettings);
}

/** GET /v2/logging: what the logger lets through, in Triton's terms. */
export function logging(exchange: Exchange): void {
  const { logger } = exchange.context;
  exchange.replyJson(200, {
    log_file: '',
    log_info: logger.isLevelEnabled('info'),
    log_warning: logger.isLevelEnabled('warn'),
    log_error: logger.isLevelEnabled('error'),
    log_verbose_level: logger.isLevelEnabled('debug') ? 1 : 0,
    log_format: 'default',
  });
}

/** POST to any of them. */
export function refuseSetting(): never {
  throw new ConchError('NOT_SUPPORTED', 'trace and log settings cannot be changed by request on this server');
}
