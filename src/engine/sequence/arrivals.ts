import { ConchError } from '../../base/index.ts';
import type { ModelConfig } from '../../config/index.ts';
import type { PendingRequest } from '../request.ts';
import type { SequenceControls } from './controls.ts';
import { type CorrelationId, correlationIdOf } from './correlation.ts';

/** A request as the sequence scheduler sees it. */
export interface Arrival {
  readonly id: CorrelationId;
  readonly start: boolean;
  readonly end: boolean;
  /** Its sequence is over when the model is done with it. */
  readonly own: boolean;
}

/** What a request must say to a sequence model, whatever sequences there are; throws REQUEST_INVALID. */
export class ArrivalCheck {
  readonly #model: string;
  readonly #iterative: boolean;
  readonly #wantsText: boolean | undefined;
  readonly #growable: string | undefined;
  #nextId = 1n;

  constructor(config: ModelConfig, controls: SequenceControls) {
    const { iterative_sequence, state = [] } = config.sequence_batching ?? {};
    this.#model = config.name ?? '';
    this.#iterative = iterative_sequence ?? false;
    this.#wantsText = controls.correlation && controls.correlation.datatype === 'BYTES';
    this.#growable = state.find((one) => one.use_growable_memory)?.input_name;
  }

  check({ request }: PendingRequest): Arrival {
    const { sequence } = request.context;
    const id = correlationIdOf(sequence);
    const isText = typeof id === 'string';
    if (this.#wantsText !== undefined && id !== undefined && this.#wantsText !== isText) {
      throw this.#invalid(
        `model '${this.#model}' takes ${this.#wantsText ? 'text' : 'a number'} as sequence_id (the type of its CORRID control), ` +
          `the request has ${isText ? 'text' : 'a number'}`,
      );
    }
    if (request.batchSize > 1) {
      throw this.#invalid(
        `model '${this.#model}' keeps sequences: a request must have batch size 1, it has ${request.batchSize}`,
      );
    }
    if (this.#growable !== undefined) {
      throw this.#invalid(
        `model '${this.#model}': state '${this.#growable}' has use_growable_memory, which only GPU instances have`,
        'remove use_growable_memory from the config',
      );
    }
    if (id !== undefined) return { id, start: sequence!.start, end: sequence!.end, own: this.#iterative };
    if (this.#iterative) return { id: this.#nextId++, start: true, end: false, own: true };
    throw this.#invalid(
      `model '${this.#model}' keeps sequences: a request must have a sequence_id, which is neither 0 nor empty`,
      'send sequence_id, with sequence_start on the first request and sequence_end on the last',
    );
  }

  unknown(id: CorrelationId, idleMs: number): ConchError {
    return this.#invalid(
      `model '${this.#model}' has no sequence '${id}': its first request must have sequence_start; a sequence that has ` +
        `had its sequence_end, has paused for ${idleMs} ms, was cancelled or lost its instance is over`,
      'send sequence_start with the first request of a sequence',
    );
  }

  #invalid(message: string, fix?: string): ConchError {
    return new ConchError('REQUEST_INVALID', message, { where: { path: 'sequence_id' }, ...(fix && { fix }) });
  }
}
