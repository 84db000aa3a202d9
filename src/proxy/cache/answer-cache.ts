import { ConchError } from '../../base/index.ts';
import type { Asked } from '../ask.ts';
import { type Items, itemKey, pickItems } from '../decode.ts';
import type { OutputColumn } from '../encode.ts';
import type { OutputRow } from '../infer.ts';
import type { ModelInterface } from '../interface.ts';
import { type CacheLimits, Store } from './store.ts';

interface Answer {
  readonly row: OutputRow;
  readonly version: string;
}

interface Flight {
  readonly answer: Promise<Answer>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The rows of earlier items, by their whole content and the model as it was described last, so that nothing is answered
 * by what a model said before it was loaded again. Items that are asked for while they are already under way wait for
 * that one inference.
 */
export class AnswerCache {
  readonly #store: Store<Answer>;
  readonly #flights = new Map<string, Flight>();

  constructor(limits: CacheLimits) {
    this.#store = new Store(limits);
  }

  /** `run` is called for the items that are not there. */
  async ask(
    model: ModelInterface,
    items: Items,
    run: (items: Items) => Promise<Asked>,
    signal: AbortSignal,
  ): Promise<Asked> {
    const startedAt = performance.now();
    const prefix = `${model.name}\n${model.version}\n${model.serial ?? 0}\n`;
    const answers: (Answer | undefined)[] = [];
    const own: { readonly place: number; readonly key: string; readonly flight: Flight }[] = [];
    const others: { readonly place: number; readonly flight: Flight }[] = [];
    for (let place = 0; place < items.count; place++) {
      const key = prefix + itemKey(items, place);
      answers[place] = this.#store.get(key);
      if (answers[place]) continue;
      const known = this.#flights.get(key);
      if (known) others.push({ place, flight: known });
      else own.push({ place, key, flight: this.#begin(key) });
    }
    const asked = own.length > 0 ? await this.#run(own, items, run) : undefined;
    own.forEach(({ place }, at) => {
      answers[place] = { row: asked!.rows[at]!, version: asked!.version };
    });
    for (const { place, flight } of others) {
      answers[place] = await orAbort(flight.answer, signal).catch(async (error) => {
        // Whoever had asked went away or had less time; that is no answer to this request.
        if (signal.aborted || !isLeaders(error)) throw error;
        const { rows, version } = await run(pickItems(items, [place]));
        return { row: rows[0]!, version };
      });
    }
    return {
      ...(asked ?? { inferMs: performance.now() - startedAt }),
      rows: answers.map((answer) => answer!.row),
      version: asked?.version ?? answers[0]!.version,
      cached: items.count - own.length,
    };
  }

  #begin(key: string): Flight {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    // Nobody may be waiting for it.
    promise.catch(() => {});
    const flight = { answer: promise, resolve, reject };
    this.#flights.set(key, flight);
    return flight;
  }

  async #run(
    own: readonly { readonly place: number; readonly key: string; readonly flight: Flight }[],
    items: Items,
    run: (items: Items) => Promise<Asked>,
  ): Promise<Asked> {
    try {
      const places = own.map(({ place }) => place);
      const asked = await run(own.length === items.count ? items : pickItems(items, places));
      own.forEach(({ key, flight }, at) => {
        const { row, bytes } = copyOf(asked.rows[at]!);
        const answer = { row, version: asked.version };
        this.#store.set(key, answer, bytes);
        flight.resolve(answer);
      });
      return asked;
    } catch (error) {
      for (const { flight } of own) flight.reject(error);
      throw error;
    } finally {
      for (const { key } of own) this.#flights.delete(key);
    }
  }
}

/** A row by itself: what it was cut from may be the outputs of a whole batch. */
function copyOf(row: OutputRow): { row: OutputRow; bytes: number } {
  let bytes = 0;
  const columns = row.columns.map((column): OutputColumn => {
    const { elementsPerItem: length } = column;
    const elements = (column.elements as Float32Array | string[]).slice(row.index * length, (row.index + 1) * length);
    bytes += ArrayBuffer.isView(elements) ? elements.byteLength : sizeOf(elements);
    return { ...column, elements };
  });
  return { row: { ...row, columns, index: 0 }, bytes };
}

function sizeOf(values: readonly unknown[]): number {
  return values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? 2 * value.length + 16 : 16), 0);
}

function isLeaders(error: unknown): boolean {
  if (!(error instanceof ConchError)) return false;
  return error.code === 'REQUEST_CANCELLED' || error.code === 'DEADLINE_EXCEEDED';
}

async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
