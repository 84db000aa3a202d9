import type { AnswerCache } from './cache/answer-cache.ts';
import type { Combiner } from './combine.ts';
import type { Items } from './decode.ts';
import { inferItems, type OutputRow } from './infer.ts';
import type { ModelInterface } from './interface.ts';
import type { TextRunner } from './text/runner.ts';

export interface Asked {
  readonly rows: readonly OutputRow[];
  readonly version: string;
  /** Milliseconds; of several inferences the longest. */
  readonly queueMs?: number;
  readonly tokenizeMs?: number;
  readonly inferMs: number;
  /** Items that the cache had, or another request was already asking for; only where there is a cache. */
  readonly cached?: number;
}

export interface AskOptions {
  readonly id: string;
  readonly signal: AbortSignal;
}

/** What runs requests: over the model itself, or over its tokenizer here and the encoder. */
export interface Runners {
  readonly combiner: Combiner;
  readonly textRunner: TextRunner;
  /** Answers from before, where they are kept. */
  readonly cache?: AnswerCache | undefined;
  /** Whether the proxy shares out a model's requests between its versions: then each must reach the model itself. */
  readonly isRouted?: ((model: string) => boolean) | undefined;
}

/** Texts of a request, and what they are compared with where the model compares. */
export function textsIn(model: ModelInterface, items: Items): { texts: readonly string[]; pairs?: readonly string[] } {
  const column = (name: string | undefined) => items.columns.find(({ input }) => input.name === name)?.values;
  const { pipeline } = model.text!;
  const pairs = column(pipeline.pair) as readonly string[] | undefined;
  return { texts: (column(pipeline.text) ?? []) as readonly string[], ...(pairs && { pairs }) };
}

/** Rows for all items of a request, of which the cache may have some. */
export function ask(runners: Runners, model: ModelInterface, items: Items, options: AskOptions): Promise<Asked> {
  const run = (some: Items) => runItems(runners, model, some, options);
  return runners.cache && !runners.isRouted?.(model.name)
    ? runners.cache.ask(model, items, run, options.signal)
    : run(items);
}

async function runItems(
  { combiner, textRunner, isRouted }: Runners,
  model: ModelInterface,
  items: Items,
  options: AskOptions,
): Promise<Asked> {
  const startedAt = performance.now();
  // A row for each token would lack the padding that the model itself answers with where several texts are asked for.
  if (model.text && !isRouted?.(model.name) && model.outputs.every(({ dims }) => dims[0] !== -1)) {
    const { texts, pairs } = textsIn(model, items);
    if (texts.length > 0) return askTexts(textRunner, model, texts, pairs, options);
  }
  const { rows, version } = await inferItems(combiner, model, items, options);
  return { rows, version, inferMs: performance.now() - startedAt };
}

export async function askTexts(
  textRunner: TextRunner,
  model: ModelInterface,
  texts: readonly string[],
  pairs: readonly string[] | undefined,
  options: AskOptions,
): Promise<Asked & { readonly rows: readonly (OutputRow & { readonly tokens: number })[] }> {
  const { rows, version, tokenizeMs } = await textRunner.run(model.text!, texts, pairs, options);
  return {
    ...{ rows, version, tokenizeMs },
    queueMs: Math.max(...rows.map((row) => row.queueMs)),
    inferMs: Math.max(...rows.map((row) => row.inferMs)),
  };
}
