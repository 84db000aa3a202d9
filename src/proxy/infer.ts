import type { InferenceClient } from '../client/index.ts';
import { classAnswer } from './classify.ts';
import { cutTensors, type Items } from './decode.ts';
import { type ItemAnswer, type Json, type OutputColumn, readOutputs, toJson } from './encode.ts';
import type { ModelInterface } from './interface.ts';

/** Inferences of one request that may be in flight together, so that one large request leaves room for others. */
const runsAtOnce = 16;

/**
 * Runs all items through the model, in as few inferences as its batch size allows, and answers each by itself;
 * `version` is the one that answered.
 * The first failure cancels the inferences that are still running.
 */
export async function inferItems(
  client: InferenceClient,
  model: ModelInterface,
  items: Items,
  options: { readonly id: string; readonly signal: AbortSignal },
): Promise<{ answers: ItemAnswer[]; version: string }> {
  const batched = model.maxBatchSize > 0;
  const size = Math.max(1, model.maxBatchSize);
  const outputs = model.outputs.map(({ name }) => ({ name }));
  const runs = Math.ceil(items.count / size);
  const stop = new AbortController();
  const signal = runs === 1 ? options.signal : AbortSignal.any([options.signal, stop.signal]);
  let version = model.version;
  const run = async (start: number): Promise<ItemAnswer[]> => {
    const end = Math.min(items.count, start + size);
    const response = await client.infer({
      model: model.name,
      id: options.id,
      inputs: cutTensors(items, start, end, batched),
      outputs,
      signal,
    });
    version = response.version || version;
    const columns = readOutputs(model, response, end - start);
    return Array.from({ length: end - start }, (_, index) => answerOf(model, columns, index));
  };
  if (runs === 1) return { answers: await run(0), version };
  const parts: ItemAnswer[][] = Array(runs);
  let next = 0;
  const worker = async () => {
    while (next < runs) {
      const index = next++;
      parts[index] = await run(index * size);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(runs, runsAtOnce) }, worker));
  } catch (error) {
    stop.abort();
    throw error;
  }
  return { answers: parts.flat(), version };
}

function answerOf(model: ModelInterface, columns: readonly OutputColumn[], index: number): ItemAnswer {
  const { classes } = model;
  const fields = columns.flatMap((column): [string, Json][] =>
    column.output.name === classes?.output
      ? Object.entries(classAnswer(model.name, classes, column, index))
      : [[column.output.name, toJson(column, index)]],
  );
  return Object.fromEntries(fields);
}
