import { ConchError } from '../base/index.ts';
import type { BackendEvent, BackendResponse, Batch, BatchResult } from './backend.ts';
import type { Clock } from './clock.ts';
import type { PendingRequest } from './request.ts';

export interface Answering {
  /** What errors call the model. */
  readonly model: string;
  /** An error of the model is its answer to the request. */
  readonly errorsAreAnswers: boolean | undefined;
  /** Requests of a decoupled model that have not had their final response. */
  readonly open: Set<PendingRequest>;
  /** When the batch began to run, ms of the engine's clock. */
  readonly startedAt: number;
  /** Of a decoupled model: how it answers in between. */
  readonly emit?: Batch['emit'];
}

/** The requests of a batch as the backend takes them. */
export function batchOf(batch: readonly PendingRequest[]): Batch {
  const [only] = batch;
  if (batch.length === 1) return { requests: [only!.request], rows: only!.request.rows };
  const requests = batch.map((pending) => pending.request);
  return { requests, rows: requests.reduce((sum, request) => sum + request.rows, 0) };
}

export function isError(response: BackendResponse | ConchError | undefined): response is ConchError {
  return response instanceof ConchError;
}

/** Gives each request of a batch that was run its response, as many as there are requests. */
export function answerBatch(batch: readonly PendingRequest[], result: BatchResult, answering: Answering): void {
  const { model, errorsAreAnswers, open, startedAt, emit } = answering;
  const { responses, rescheduled, computeInput, computeInfer, computeOutput } = result;
  for (let index = 0; index < batch.length; index++) {
    const pending = batch[index]!;
    const response = responses[index];
    if (response instanceof ConchError) {
      open.delete(pending);
      if (errorsAreAnswers) {
        const durations = { queue: (startedAt - pending.arrivedAt) * 1e6, computeInput, computeInfer, computeOutput };
        pending.succeed({ outputs: [], error: response, durations });
      } else pending.fail(response);
    } else if (rescheduled?.has(index)) {
      open.delete(pending);
      if (!pending.reschedule()) pending.fail(notIterative(model));
    } else if (emit) {
      if (response) emit(index, { response, final: true });
    } else if (response) {
      const queue = (startedAt - pending.arrivedAt) * 1e6;
      const { outputs, parameters } = response;
      const durations = { queue, computeInput, computeInfer, computeOutput };
      pending.succeed(parameters ? { outputs, parameters, durations } : { outputs, durations });
    } else pending.fail(new ConchError('INTERNAL', `model '${model}': the backend gave no response to a request`));
  }
}

export interface Emitting extends Pick<Answering, 'errorsAreAnswers' | 'open' | 'startedAt'> {
  readonly clock: Clock;
  /** A request has had its final response. */
  readonly onFinal: () => void;
}

/** Passes the responses of a decoupled batch on to their requests, until each has had its final one. */
export function emitterFor(
  batch: readonly PendingRequest[],
  { open, startedAt, clock, errorsAreAnswers, onFinal }: Emitting,
): (index: number, event: BackendEvent) => void {
  for (const pending of batch) open.add(pending);
  return (index, event) => {
    const pending = batch[index]!;
    // What comes after the final response, or after the request has failed, is the model's mistake.
    if (!open.has(pending)) return;
    if (event.final) {
      open.delete(pending);
      onFinal();
    }
    if (event.final && event.response instanceof ConchError && !errorsAreAnswers) {
      pending.fail(event.response);
      return;
    }
    pending.respond(event);
    if (!event.final) return;
    const queue = (startedAt - pending.arrivedAt) * 1e6;
    const computeInfer = (clock.now() - startedAt) * 1e6;
    pending.succeed({ outputs: [], durations: { queue, computeInput: 0, computeInfer, computeOutput: 0 } });
  };
}

function notIterative(model: string): ConchError {
  return new ConchError(
    'EXECUTION_FAILED',
    `model '${model}' wants to see a request again, which only models with iterative_sequence may, before its end`,
    { where: { path: 'sequence_batching.iterative_sequence' } },
  );
}
