import { ConchError } from '../../base/index.ts';
import type { InferenceClient } from '../../client/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { type EncodedText, LengthWindow } from '../../text/index.ts';
import { type OutputColumn, readOutputs } from '../encode.ts';
import { currentSpan, runWithin, type Span } from '../operations/index.ts';
import { mayBeOneRequests, SharedSignal } from '../shared-run.ts';
import type { DirectText } from './pipeline.ts';

/** A text's row in the outputs of the batch that it was part of, under the ensemble's names. */
export interface EncodedRow {
  readonly columns: readonly OutputColumn[];
  readonly index: number;
  /** The text's own, padding left out. */
  readonly tokens: number;
  readonly version: string;
  /** Milliseconds in line, and with the server. */
  readonly queueMs: number;
  readonly inferMs: number;
}

/** Texts in line, over all encoders. */
export interface WaitingTexts {
  count: number;
}

interface Entry {
  readonly encoded: EncodedText;
  readonly id: string;
  readonly signal: AbortSignal;
  readonly arrivedAt: number;
  /** Of the request that the text came with. */
  readonly span: Span | undefined;
  readonly resolve: (row: EncodedRow) => void;
  readonly reject: (error: unknown) => void;
}

/** Texts that may wait for one encoder; what comes on top is refused. */
const maxWaiting = 4096;
/** As the embedded server's: batches that may take texts from behind one before it must be next. */
const maxOvertaken = 4;

/**
 * The texts that wait for one encoder, over all requests. They leave in batches of like lengths within the budget of
 * tokens, one more at a time than the encoder has instances: while those are run the next ones gather, and with little
 * to do nobody waits. Without it a server that knows no such budget would run each text alone, since it batches only
 * requests of equal shapes.
 */
export class EncoderQueue {
  readonly #client: InferenceClient;
  readonly #text: DirectText;
  readonly #window: LengthWindow<Entry>;
  readonly #waiting = new Set<Entry>();
  readonly #all: WaitingTexts;
  readonly #maxRows: number;
  readonly #atOnce: number;
  #inFlight = 0;
  #scheduled = false;

  constructor(client: InferenceClient, text: DirectText, all: WaitingTexts = { count: 0 }) {
    this.#client = client;
    this.#all = all;
    this.#text = text;
    const { encoder, packed, maxTokens, instances } = text.pipeline;
    this.#maxRows = Math.max(1, encoder.maxBatchSize);
    this.#atOnce = instances + 1;
    this.#window = new LengthWindow({
      maxTokens,
      window: 8 * this.#maxRows,
      maxOvertaken,
      maxWaitMs: 0,
      measure: ({ encoded, arrivedAt }) => ({
        rows: 1,
        length: encoded.ids.length,
        // Where padding is computed like any token, it must not be more than the texts themselves.
        likeness: packed ? '' : String(Math.ceil(Math.log2(encoded.ids.length))),
        arrivedAt,
      }),
    });
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** @throws QUEUE_FULL where too many wait. */
  run(
    encoded: EncodedText,
    { id, signal }: { readonly id: string; readonly signal: AbortSignal },
  ): Promise<EncodedRow> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#waiting.size >= maxWaiting) {
        const { name } = this.#text.pipeline.encoder;
        throw new ConchError('QUEUE_FULL', `${maxWaiting} texts wait for model '${name}'`);
      }
      const onAbort = () => {
        if (!this.#waiting.delete(entry)) return;
        this.#all.count--;
        reject(signal.reason);
      };
      const entry: Entry = { encoded, id, signal, arrivedAt: performance.now(), span: currentSpan(), resolve, reject };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(entry);
      this.#all.count++;
      if (this.#scheduled) return;
      this.#scheduled = true;
      // What arrives in the same turn of the event loop may leave together.
      setImmediate(() => this.#send());
    });
  }

  #send(): void {
    this.#scheduled = false;
    while (this.#inFlight < this.#atOnce) {
      const batch = this.#window.form([this.#waiting], this.#maxRows, performance.now());
      if (!batch) return;
      batch.sent();
      const entries = [...batch.chosen];
      for (const entry of entries) this.#waiting.delete(entry);
      this.#all.count -= entries.length;
      this.#inFlight++;
      // The end of another batch may have led here, whose trace is not this one's.
      void runWithin(entries[0]!.span, () => this.#together(entries)).finally(() => {
        this.#inFlight--;
        this.#send();
      });
    }
  }

  /** Never rejects: every text gets its row or an error of its own. */
  async #together(entries: readonly Entry[]): Promise<void> {
    const shared = new SharedSignal(entries);
    try {
      const run = await this.#infer(entries, shared.signal);
      entries.forEach((entry, index) => {
        entry.resolve(run(entry, index));
      });
    } catch (error) {
      if (entries.length === 1 || !mayBeOneRequests(error)) for (const entry of entries) entry.reject(error);
      // One text must not fail its neighbours.
      else for (const entry of entries) await this.#together([entry]);
    } finally {
      shared.release();
    }
  }

  async #infer(entries: readonly Entry[], signal: AbortSignal): Promise<(entry: Entry, index: number) => EncodedRow> {
    const { tokenizer, pipeline } = this.#text;
    const { encoder, inputs, outputs, encoderVersion } = pipeline;
    const batch = tokenizer.pad(entries.map(({ encoded }) => encoded));
    const shape = encoder.maxBatchSize > 0 ? [batch.batch, batch.length] : [batch.length];
    const sentAt = performance.now();
    const response = await this.#client.infer({
      model: encoder.name,
      version: encoderVersion,
      id: entries[0]!.id,
      inputs: inputs.map(({ name, encoding }): Tensor => ({ name, datatype: 'INT64', shape, data: batch[encoding] })),
      outputs: [...outputs.keys()].map((name) => ({ name })),
      signal,
    });
    const wanted = encoder.outputs.filter(({ name }) => outputs.has(name));
    const columns = readOutputs({ ...encoder, outputs: wanted }, response, entries.length).map((column) => ({
      ...column,
      output: outputs.get(column.output.name)!,
    }));
    const inferMs = performance.now() - sentAt;
    const version = response.version || encoder.version;
    return ({ encoded, arrivedAt }, index) => ({
      ...{ columns, index, version, inferMs },
      tokens: encoded.ids.length,
      queueMs: sentAt - arrivedAt,
    });
  }
}
