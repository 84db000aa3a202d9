import { ConchError } from '../base/index.ts';
import { type ModelConfig, toInteger } from '../config/index.ts';
import { elementCount } from '../tensor/index.ts';
import { type LengthBatch, LengthWindow, type LengthWindowOptions } from '../text/index.ts';
import { integerParameter } from './parameters.ts';
import type { RequestQueue } from './queue.ts';
import type { PendingRequest } from './request.ts';

export interface TokenWindowOptions extends Omit<LengthWindowOptions<PendingRequest>, 'measure'> {
  /** Elements of a row of the request. */
  readonly lengthOf: (pending: PendingRequest) => number;
}

const mostTokens = 2 ** 40;

/**
 * The window that a config asks for by `conch.max_batch_tokens`, with `conch.batch_window`, `conch.batch_max_overtaken`
 * and `conch.batch_max_wait_microseconds`; undefined without. Throws MODEL_LOAD_FAILED where it makes no sense.
 */
export function tokenWindowOf(config: ModelConfig): TokenWindowOptions | undefined {
  const maxTokens = integerParameter(config, 'conch.max_batch_tokens', mostTokens);
  if (maxTokens === undefined) return undefined;
  const lengths = (config.input ?? []).filter((input) => input.allow_ragged_batch).map((input) => input.name!);
  const refuse = (what: string): never => {
    throw new ConchError('MODEL_LOAD_FAILED', `parameter 'conch.max_batch_tokens' ${what}`, {
      where: { path: 'parameters["conch.max_batch_tokens"]' },
    });
  };
  if (maxTokens === 0) refuse('must be at least 1');
  if (lengths.length === 0)
    refuse('needs an input with allow_ragged_batch: requests of other lengths share no batch else');
  if (!config.dynamic_batching) refuse('needs dynamic_batching');
  return {
    maxTokens,
    window: Math.max(1, integerParameter(config, 'conch.batch_window', 1e6) ?? 8 * toInteger(config.max_batch_size)),
    maxOvertaken: integerParameter(config, 'conch.batch_max_overtaken', 1e6) ?? 4,
    maxWaitMs: (integerParameter(config, 'conch.batch_max_wait_microseconds', 1e12) ?? 0) / 1000,
    lengthOf({ request }) {
      const counts = request.inputs
        .filter(({ name }) => lengths.includes(name))
        .map(({ shape }) => elementCount(shape));
      return Math.max(0, ...counts) / request.rows;
    },
  };
}

/** Batches of like lengths from the queue of a model; how they are chosen is `LengthWindow`'s. */
export class TokenWindow {
  readonly #window: LengthWindow<PendingRequest>;

  constructor(options: TokenWindowOptions) {
    this.#window = new LengthWindow({
      ...options,
      measure: (pending) => ({
        rows: pending.request.rows,
        length: options.lengthOf(pending),
        likeness: pending.request.likeness,
        arrivedAt: pending.arrivedAt,
      }),
    });
  }

  /** Undefined when nothing waits. */
  form(queue: RequestQueue, maxRows: number, now: number): LengthBatch<PendingRequest> | undefined {
    return this.#window.form(queue.lanes(), maxRows, now);
  }
}
