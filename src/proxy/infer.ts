import { classAnswer } from './classify.ts';
import type { Combiner } from './combine.ts';
import { cutTensors, type Items } from './decode.ts';
import { type ItemAnswer, type OutputColumn, toJson } from './encode.ts';
import type { ModelInterface } from './interface.ts';

/** Inferences of one request that may be in flight together, so that one large request leaves room for others. */
const runsAtOnce = 16;

/** A row of a model's outputs. */
export interface OutputRow {
  readonly columns: readonly OutputColumn[];
  readonly index: number;
}

/**
 * Runs all items through the model, in as few inferences as its batch size allows; a row of outputs for each item.
 * `version` is the one that answered.
 * The first failure cancels the inferences that are still running.
 */
export async function inferItems(
  combiner: Combiner,
  model: ModelInterface,
  items: Items,
  options: { readonly id: string; readonly signal: AbortSignal },
): Promise<{ rows: OutputRow[]; version: string }> {
  const batched = model.maxBatchSize > 0;
  const size = Math.max(1, model.maxBatchSize);
  const runs = Math.ceil(items.count / size);
  let version = model.version;
  const run = async (start: number, signal: AbortSignal): Promise<OutputRow[]> => {
    const end = Math.min(items.count, start + size);
    const inputs = cutTensors(items, start, end, batched);
    const ran = await combiner.run(model, { inputs, rows: end - start, id: options.id, signal });
    version = ran.version;
    const rows: OutputRow[] = [];
    for (let at = 0; at < end - start; at++) rows.push({ columns: ran.columns, index: ran.offset + at });
    return rows;
  };
  if (runs === 1) return { rows: await run(0, options.signal), version };
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const parts: OutputRow[][] = Array(runs);
  let next = 0;
  const worker = async () => {
    while (next < runs) {
      const index = next++;
      parts[index] = await run(index * size, signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(runs, runsAtOnce) }, worker));
  } catch (error) {
    stop.abort();
    throw error;
  }
  return { rows: parts.flat(), version };
}

/** A row as the model's route answers it: a field for each output, and label and scores where it classifies. */
export function answerOf({ name, classes }: ModelInterface, { columns, index }: OutputRow): ItemAnswer {
  const answer: ItemAnswer = {};
  for (const column of columns) {
    if (classes && column.output.name === classes.output) {
      Object.assign(answer, classAnswer(name, classes, column, index));
    } else {
      answer[column.output.name] = toJson(column, index);
    }
  }
  return answer;
}
