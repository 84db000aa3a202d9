import { ConchError, toConchError } from '../../base/index.ts';
import {
  encodeStreamError,
  encodeStreamResponse,
  type GrpcInferenceRequest,
  type InferenceResponse,
  type ParameterValue,
  type ResponseEvent,
  readModelInferRequest,
} from '../../protocol/index.ts';
import { withClasses } from '../control/classification.ts';
import { unavailable } from '../control/phase.ts';
import type { HeldOutputs } from '../shared-memory/index.ts';
import type { Call, Receiver } from './call.ts';
import { decodeRequest, holdPlaces } from './infer.ts';

/** A place in the order of answers: what is ready waits until everything before it has been sent. */
interface Turn {
  messages: Uint8Array[][];
  done: boolean;
}

/**
 * ModelStreamInfer: requests of any models, mixed. Answers come in the order of the requests, those of decoupled models
 * as they are made; errors come as messages, and the stream goes on and ends well. With the metadata
 * `triton_grpc_error: true` an error that comes back from inference ends the stream with its own status instead.
 */
export function modelStreamInfer(call: Call): Receiver {
  const stream = new InferStream(call);
  return {
    message: (bytes) => stream.take(bytes),
    halfClose: () => stream.halfClose(),
    stopping: () => stream.stop(),
  };
}

class InferStream {
  readonly #call: Call;
  readonly #errorsEnd: boolean;
  readonly #turns: Turn[] = [];
  #open = 0;
  #halfClosed = false;
  #stopping = false;

  constructor(call: Call) {
    this.#call = call;
    this.#errorsEnd = call.stream.header('triton_grpc_error') === 'true';
  }

  take(bytes: Uint8Array): void {
    if (this.#call.isDone) return;
    this.#open += 1;
    this.#run(bytes)
      .catch((error) => this.#call.fail(error))
      .finally(() => {
        this.#open -= 1;
        this.#finishWhenDone();
      });
  }

  halfClose(): void {
    this.#halfClosed = true;
    this.#finishWhenDone();
  }

  /** Answers what is under way, then ends. */
  stop(): void {
    this.#stopping = true;
    this.#finishWhenDone();
  }

  async #run(bytes: Uint8Array): Promise<void> {
    const { context } = this.#call;
    const { engine } = context;
    // What is no request at all ends the stream: there is no id to answer to.
    const wire = readModelInferRequest(bytes);
    const id = wire.id === '' ? undefined : wire.id;
    const turn: Turn = { messages: [], done: false };
    this.#turns.push(turn);
    const trace = context.tracer.sample(wire.model);
    let held: HeldOutputs | undefined;
    try {
      trace?.request.stamp('GRPC_WAITREAD_START', performance.now() * 1e6);
      const decoded = decodeRequest(this.#call, wire);
      const request = trace ? { ...decoded, trace: trace.request } : decoded;
      trace?.request.stamp('GRPC_WAITREAD_END', performance.now() * 1e6);
      held = holdPlaces(context, request);
      const free = engine.isDecoupled(request.model, request.version);
      if (free) this.#leave(turn);
      const to = free ? undefined : turn;
      await engine.stream(request, (event) => this.#respond(request, event, held, to));
    } catch (error) {
      // Refused before it was queued.
      this.#send(encodeStreamError(this.#call.publicMessage(toConchError(error)), { id }), turn);
    } finally {
      held?.release();
      trace?.end();
      this.#leave(turn);
    }
  }

  #respond(
    request: GrpcInferenceRequest,
    event: ResponseEvent,
    held: HeldOutputs | undefined,
    turn: Turn | undefined,
  ): void {
    if (this.#call.isDone) return;
    const { response, final } = event;
    const marked = (parameters?: Readonly<Record<string, ParameterValue>>) => ({
      ...parameters,
      triton_final_response: final,
    });
    if (response === undefined) {
      if (!request.emptyFinalResponse) return;
      const { model, version = '', id } = request;
      this.#send(encodeStreamResponse({ model, version, id, outputs: [], parameters: marked() }), turn);
      return;
    }
    try {
      if (response instanceof ConchError) throw response;
      const answer: InferenceResponse = withClasses(this.#call.context.engine, request, response);
      held?.write(answer.outputs);
      const parameters = marked(answer.parameters);
      this.#send(encodeStreamResponse({ ...answer, parameters }, request.outputPlaces), turn);
    } catch (thrown) {
      const error = toConchError(thrown);
      if (this.#errorsEnd) this.#call.fail(error);
      else {
        const { id, model, version } = request;
        const failed = { id, model, version, parameters: marked() };
        this.#send(encodeStreamError(this.#call.publicMessage(error), failed), turn);
      }
    }
  }

  #send(parts: Uint8Array[], turn: Turn | undefined): void {
    if (turn === undefined || this.#turns[0] === turn || !this.#turns.includes(turn)) this.#call.send(parts);
    else turn.messages.push(parts);
  }

  /** The turn is over: whoever is next may speak. */
  #leave(turn: Turn): void {
    turn.done = true;
    for (let first = this.#turns[0]; first !== undefined; first = this.#turns[0]) {
      for (const parts of first.messages.splice(0)) this.#call.send(parts);
      if (!first.done) return;
      this.#turns.shift();
    }
  }

  #finishWhenDone(): void {
    if (this.#open > 0) return;
    if (this.#halfClosed) this.#call.finish();
    else if (this.#stopping) this.#call.fail(unavailable(this.#call.context));
  }
}
