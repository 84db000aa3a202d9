import { type ConchError, createLogger } from '../../base/index.ts';
import type { ModelConfig, ModelSequenceBatching } from '../../config/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { type AdmittedRequest, type Outcome, PendingRequest } from '../request.ts';
import type { Lane } from '../scheduler.ts';
import { SequenceBatcher } from '../sequence/batcher.ts';
import type { DeclaredState } from '../sequence/states.ts';
import { noTime } from './batches.ts';
import { FakeClock } from './fake-clock.ts';

/** An instance that finishes a batch, or dies, when told to. */
export class HandLane implements Lane {
  onAvailable: () => void = () => {};
  onLost: (error: ConchError) => void = () => {};
  onRestored: () => void = () => {};
  isNeeded: () => boolean = () => false;
  readonly runsNow = false;
  alive = true;
  leaving = false;
  /** It has been let go. */
  gone = false;
  /** Every batch so far. */
  readonly batches: (readonly PendingRequest[])[] = [];
  running: readonly PendingRequest[] | undefined;

  get idle(): boolean {
    return this.running === undefined;
  }

  get available(): boolean {
    return this.alive && this.idle;
  }

  execute(batch: readonly PendingRequest[]): void {
    this.running = batch;
    this.batches.push(batch);
  }

  letGo(): void {
    if (this.leaving && this.idle && !this.isNeeded()) this.gone = true;
  }

  /** Answers the running batch. */
  finish(outcome: (request: AdmittedRequest) => Outcome | ConchError | 'again' = () => noTime): void {
    const batch = this.running ?? [];
    for (const pending of batch) {
      const end = outcome(pending.request);
      if (end === 'again') pending.reschedule();
      else if ('outputs' in end) pending.succeed(end);
      else pending.fail(end);
    }
    this.running = undefined;
    this.letGo();
    this.onAvailable();
  }

  die(error: ConchError): void {
    const batch = this.running ?? [];
    this.alive = false;
    this.running = undefined;
    this.onLost(error);
    for (const pending of batch) pending.fail(error);
  }

  restart(): void {
    this.alive = true;
    this.onRestored();
    this.onAvailable();
  }
}

export interface SendOptions extends Partial<AdmittedRequest> {
  readonly id?: number | bigint | string;
}

/** A sequence batcher with hand-turned instances and time, and a log of what became of each request. */
export class SequenceBench {
  readonly clock = new FakeClock();
  readonly lanes: HandLane[];
  readonly batcher: SequenceBatcher;
  /** In order of settlement: a request's name, with the error's code where it failed. */
  readonly settled: string[] = [];
  readonly errors = new Map<string, ConchError>();
  readonly outcomes = new Map<string, Outcome>();
  readonly #counts = new Map<string, number>();

  constructor(
    options: {
      readonly instances?: number;
      readonly maxBatchSize?: number;
      readonly sequence?: ModelSequenceBatching;
      readonly states?: readonly DeclaredState[];
      readonly maxQueueSize?: number;
      readonly maxQueueBytes?: number;
    } = {},
  ) {
    const { instances = 1, maxBatchSize = 4, sequence = {}, states = [] } = options;
    const config: ModelConfig = { name: 'm', max_batch_size: maxBatchSize, sequence_batching: sequence };
    this.lanes = Array.from({ length: instances }, () => new HandLane());
    this.batcher = new SequenceBatcher({
      model: 'm',
      config,
      states,
      lanes: this.lanes,
      clock: this.clock,
      maxQueueSize: options.maxQueueSize ?? 1000,
      maxQueueBytes: options.maxQueueBytes ?? 1e9,
      mixShapes: false,
      eager: false,
      logger: createLogger('silent'),
    });
  }

  get lane(): HandLane {
    return this.lanes[0]!;
  }

  /**
   * Sends requests: a letter is the next of its sequence, after `(` it starts one and before `)` it ends it. `(ab)` starts
   * sequence a and ends sequence b. Throws what the batcher throws.
   */
  send(text: string, options: SendOptions = {}): void {
    for (const [, open, letter, close] of text.matchAll(/(\(?)([a-z])(\)?)/g)) {
      this.#sendOne(letter!, open === '(', close === ')', options);
    }
    this.clock.settle();
  }

  #sendOne(letter: string, start: boolean, end: boolean, { id, ...options }: SendOptions): void {
    const count = (this.#counts.get(letter) ?? 0) + 1;
    const name = `${letter}${count}`;
    const request: AdmittedRequest = {
      inputs: [],
      outputs: ['y'],
      context: { id: name, sequence: { id: id ?? letter.charCodeAt(0), start, end } },
      batchSize: 1,
      rows: 1,
      likeness: '',
      bytes: 1,
      priority: 0,
      timeoutMicroseconds: 0,
      signal: undefined,
      ...options,
    };
    const pending = new PendingRequest(
      request,
      this.clock.now(),
      (outcome) => {
        this.outcomes.set(name, outcome);
        this.settled.push(name);
      },
      (error) => {
        this.errors.set(name, error);
        this.settled.push(`${name}:${error.code}`);
      },
      ({ response }) => {
        if (response && 'outputs' in response) this.settled.push(`${name}>`);
      },
    );
    this.batcher.enqueue(pending);
    this.#counts.set(letter, count);
  }

  /** Batches of an instance so far: names in order of their rows, `-` for a filler. */
  batches(instance = 0): string[] {
    return this.lanes[instance]!.batches.map((batch) =>
      batch.map(({ request }) => request.context.id ?? '-').join(' '),
    );
  }

  /** Finishes whatever runs, and what follows from it, until nothing does. */
  finishAll(): void {
    for (let lane = this.#busy(); lane; lane = this.#busy()) {
      lane.finish();
      this.clock.settle();
    }
  }

  #busy(): HandLane | undefined {
    return this.lanes.find(({ idle }) => !idle);
  }
}

/** The inputs of the n-th row of a lane's latest batch, by name, as plain values. */
export function inputsOf(lane: HandLane, row = 0): Record<string, unknown> {
  const { inputs } = lane.batches.at(-1)![row]!.request;
  return Object.fromEntries(inputs.map(({ name, data }: Tensor) => [name, [...data].map((value) => value)]));
}
