import { ConchError } from '../../base/index.ts';
import type { ModelStatistics } from '../../protocol/index.ts';
import type { ServedEngine } from '../context.ts';

/** Of one model, or without a name of all. Triton calls an unknown model an invalid argument here, not one not found. */
export function statisticsOf(engine: ServedEngine, model?: string, version?: string): ModelStatistics[] {
  try {
    return engine.statistics(model, version);
  } catch (error) {
    if (!(error instanceof ConchError) || error.code !== 'MODEL_NOT_FOUND') throw error;
    throw new ConchError('MODEL_NOT_FOUND', error.message, { status: 'INVALID_ARG' });
  }
}
