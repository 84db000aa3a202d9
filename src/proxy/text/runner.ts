import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InferenceClient } from '../../client/index.ts';
import type { EncodedText } from '../../text/index.ts';
import { type EncodedRow, EncoderQueue, type WaitingTexts } from './encoder-queue.ts';
import type { DirectText } from './pipeline.ts';

export interface EncodedTexts {
  readonly rows: readonly EncodedRow[];
  readonly encoded: readonly EncodedText[];
  readonly tokenizeMs: number;
  readonly version: string;
}

/** Longest that tokenizing holds up all others, in milliseconds. */
const turnMs = 5;

/** Runs texts: tokenized here, then asked of the encoder itself. */
export class TextRunner {
  readonly #client: InferenceClient;
  /** By the pipeline as it was described; a model that is reloaded gets a new one. */
  readonly #queues = new WeakMap<DirectText, EncoderQueue>();

  readonly #waiting: WaitingTexts = { count: 0 };

  constructor(client: InferenceClient) {
    this.#client = client;
  }

  /** Texts that wait for an encoder. */
  get waiting(): number {
    return this.#waiting.count;
  }

  /** A row for each text. The first failure withdraws the rest. */
  async run(
    text: DirectText,
    texts: readonly string[],
    pairs: readonly string[] | undefined,
    options: { readonly id: string; readonly signal: AbortSignal },
  ): Promise<EncodedTexts> {
    const startedAt = performance.now();
    const encoded = await encode(text, texts, pairs);
    const tokenizeMs = performance.now() - startedAt;
    return { ...(await this.encode(text, encoded, options)), tokenizeMs };
  }

  /** As `run`, of texts that are tokens already. */
  async encode(
    text: DirectText,
    encoded: readonly EncodedText[],
    { id, signal }: { readonly id: string; readonly signal: AbortSignal },
  ): Promise<Omit<EncodedTexts, 'tokenizeMs'>> {
    const queue = this.#queueOf(text);
    if (encoded.length === 1) {
      const row = await queue.run(encoded[0]!, { id, signal });
      return { rows: [row], encoded, version: row.version };
    }
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    try {
      const rows = await Promise.all(encoded.map((one) => queue.run(one, { id, signal: both })));
      return { rows, encoded, version: rows[0]!.version };
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  }

  #queueOf(text: DirectText): EncoderQueue {
    const known = this.#queues.get(text);
    if (known) return known;
    const queue = new EncoderQueue(this.#client, text, this.#waiting);
    this.#queues.set(text, queue);
    return queue;
  }
}

async function encode({ tokenizer }: DirectText, texts: readonly string[], pairs: readonly string[] | undefined) {
  const encoded: EncodedText[] = [];
  let since = performance.now();
  for (const [at, text] of texts.entries()) {
    encoded.push(pairs ? tokenizer.encodePair(text, pairs[at]!) : tokenizer.encode(text));
    if (performance.now() - since < turnMs) continue;
    await nextTurn();
    since = performance.now();
  }
  return encoded;
}
