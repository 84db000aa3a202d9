import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConchError, createLogger } from '../../../src/base/index.ts';
import { type Backend, type BatchRequest, type Clock, Engine } from '../../../src/engine/index.ts';
import { httpStatus } from '../../../src/protocol/index.ts';
import { decodeStrings, type Tensor } from '../../../src/tensor/index.ts';
import { type Answer, type Asked, play } from './answers.ts';
import { type Ask, type SequenceCase, sequenceCases } from './cases.ts';
import { configOf } from './model.ts';
import { expectRecorded } from './recorded.ts';

/** The recorded model in TypeScript: each request's inputs, its row and the number of rows. */
const echo: Backend = {
  async load({ config }) {
    const batched = (config.max_batch_size ?? 0) > 0;
    return {
      facts: { instances: 1, concurrency: 1, inline: true, padded: true },
      close: async () => {},
      createInstance: async () => ({
        close: async () => {},
        async run({ requests }) {
          const responses = requests.map((request, row) => ({
            outputs: request.outputs.map((name) => outputOf(name, request, row, requests.length, batched)),
          }));
          return { responses, computeInput: 0, computeInfer: 0, computeOutput: 0 };
        },
      }),
    };
  },
};

function outputOf(name: string, { inputs }: BatchRequest, row: number, rows: number, batched: boolean): Tensor {
  if (name === 'batch')
    return { name, datatype: 'INT32', shape: batched ? [1, 2] : [2], data: Int32Array.of(row, rows) };
  const input = inputs.find((one) => one.name === (name === 'y' ? 'x' : name.slice(0, -'_out'.length)))!;
  return { ...input, name };
}

/** Time that stands still but for `advance`; what is to run soon runs when the event loop turns. */
class HandClock implements Clock {
  #now = 0;
  #timers = new Set<{ readonly at: number; readonly action: () => void }>();

  now(): number {
    return this.#now;
  }

  soon(action: () => void): void {
    setImmediate(action);
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#now + ms, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Runs the timers of the next `ms`, or up to the one that makes `done` true. */
  async advance(ms: number, done: () => boolean = () => false): Promise<void> {
    const end = this.#now + ms;
    for (await turns(); !done(); await turns()) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.action();
    }
    if (!done()) this.#now = end;
  }
}

/** Lets everything that waits for nothing but its turn happen. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

class Embedded implements Asked {
  readonly #engine: Engine;
  readonly #clock: HandClock;

  constructor(engine: Engine, clock: HandClock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  async ask(request: Ask, one: SequenceCase): Promise<Answer> {
    const answer = this.#infer(request, one);
    if (request.later) return answer;
    let settled = false;
    void answer.then(() => {
      settled = true;
    });
    // A batch may wait for company.
    await this.#clock.advance(300, () => settled);
    return answer;
  }

  async #infer({ id = 0, start = false, end = false, x, rows = 1, timeoutMicroseconds }: Ask, one: SequenceCase) {
    const shape = one.maxBatchSize > 0 ? [rows, 1] : [1];
    try {
      const { outputs } = await this.#engine.infer({
        model: 'm',
        sequence: { id, start, end },
        timeoutMicroseconds,
        inputs: [{ name: 'x', datatype: 'INT32', shape, data: new Int32Array(rows).fill(x) }],
      });
      return { status: 200, outputs: Object.fromEntries(outputs.map((output) => [output.name, plain(output)])) };
    } catch (error) {
      if (error instanceof ConchError) return { status: httpStatus(error.status) };
      throw error;
    }
  }

  wait(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  async statistics(): Promise<number[]> {
    const [{ inference_stats, inference_count, execution_count } = expect.fail('no statistics')] =
      this.#engine.statistics('m');
    return [inference_stats.success.count, inference_stats.fail.count, inference_count, execution_count];
  }
}

function plain({ datatype, shape, data }: Tensor) {
  if (datatype === 'BYTES') return { datatype, shape, data: decodeStrings(data as Uint8Array) };
  return { datatype, shape, data: [...data].map((value) => (datatype === 'BOOL' ? value === 1 : Number(value))) };
}

test.each(sequenceCases)('$name', async (one) => {
  const root = mkdtempSync(join(tmpdir(), 'conch-sequence-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'm/1'), { recursive: true });
  writeFileSync(join(root, 'm/config.pbtxt'), configOf(one));
  writeFileSync(join(root, 'm/1/model.py'), '');
  const clock = new HandClock();
  const logger = createLogger('silent');
  const engine = await Engine.open({ repository: root, backends: { python: echo }, exitOnError: true, clock, logger });
  const answers = await play(one, new Embedded(engine, clock));
  const closed = engine.close();
  await clock.advance(30_000);
  await closed;

  expectRecorded(one.name, answers);
});
