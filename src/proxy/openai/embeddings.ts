import { ConchError } from '../../base/index.ts';
import { stringTensor } from '../../tensor/index.ts';
import type { EncodedText } from '../../text/index.ts';
import type { AskOptions } from '../ask.ts';
import { invalid } from '../elements.ts';
import type { Json } from '../encode.ts';
import type { OutputRow } from '../infer.ts';
import type { ModelInterface } from '../interface.ts';
import type { RouteContext } from '../routes/context.ts';
import { embedTexts, type TaskAnswer } from '../tasks/answers.ts';
import { choiceOf, countOf, type Fields, fieldsOf, textListOf, textOf } from '../tasks/fields.ts';
import type { ModelTask } from '../tasks/task.ts';
import { vectorOf } from '../tasks/vectors.ts';

type EmbedTask = Extract<ModelTask, { name: 'embed' }>;
type Context = Pick<RouteContext, 'limits' | 'combiner' | 'textRunner' | 'client'>;

/**
 * The answer of OpenAI's `POST /v1/embeddings`: vectors of length 1, in the order of the inputs, as numbers or as base64
 * of little-endian FP32; `usage` counts the tokens that the model got, special ones included.
 */
export async function embeddings(
  context: Context,
  model: ModelInterface,
  task: EmbedTask,
  body: unknown,
  options: AskOptions,
): Promise<TaskAnswer> {
  const given = fieldsOf(body, ['model', 'input', 'encoding_format', 'dimensions', 'user']);
  // OpenAI's clients write null for what they leave out.
  const fields = Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== null || name === 'input'),
  );
  const format = choiceOf(fields, 'encoding_format', ['float', 'base64']);
  const how = { normalize: true, dimensions: countOf(fields, 'dimensions', task.size), pooling: 'mean' as const };
  if (fields.user !== undefined) textOf(fields, 'user', context.limits);
  const input = readInput(context, model, fields);
  const { rows, version, counts, times } =
    'tokens' in input
      ? await runTokens(context, model, input.tokens, options)
      : await runTexts(context, model, task, input.texts, options);
  const data = rows.map((row, index): Json => {
    const vector = vectorOf(row, task.output, how);
    const embedding = format === 'float' ? vector : base64Of(vector);
    return { object: 'embedding', index, embedding };
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  return {
    answer: { object: 'list', data, model: model.name, usage: { prompt_tokens: total, total_tokens: total } },
    ...{ items: rows.length, version, times },
  };
}

type Input = { readonly texts: readonly string[] } | { readonly tokens: readonly (readonly number[])[] };

/** `input`: a text, texts, tokens, or lists of tokens. */
function readInput({ limits }: Context, model: ModelInterface, fields: Fields): Input {
  const { input } = fields;
  if (typeof input === 'string') return { texts: [textOf(fields, 'input', limits)] };
  if (!Array.isArray(input) || input.length === 0) {
    throw invalid('input', 'a text, a list of texts, a list of tokens, or a list of those', input);
  }
  if (typeof input[0] === 'string') return { texts: textListOf(input, 'input', limits) };
  if (!model.text) {
    const what = `input: tokens need the tokenizer of '${model.name}' in the proxy`;
    throw new ConchError('NOT_SUPPORTED', what, { where: { path: 'input' }, fix: 'send texts' });
  }
  const lists = Array.isArray(input[0]) ? input : [input];
  if (lists.length > limits.itemsPerRequest) {
    const what = `input: at most ${limits.itemsPerRequest} items a request, got ${lists.length}`;
    throw new ConchError('REQUEST_TOO_LARGE', what, { where: { path: 'input' } });
  }
  const { maxLength } = model.text.tokenizer;
  const tokens = lists.map((list: unknown, at) => {
    const path = Array.isArray(input[0]) ? `input[${at}]` : 'input';
    if (!Array.isArray(list) || list.length === 0) throw invalid(path, 'a list of tokens, at least one', list);
    if (list.length > maxLength) {
      const what = `${path}: ${list.length} tokens, more than the model's ${maxLength}`;
      throw new ConchError('REQUEST_INVALID', what, { where: { path } });
    }
    for (const [index, id] of list.entries()) {
      if (!Number.isInteger(id) || id < 0 || id > 2 ** 31 - 1) throw invalid(`${path}[${index}]`, 'a token', id);
    }
    return list as number[];
  });
  return { tokens };
}

interface Run {
  readonly rows: readonly (OutputRow & { readonly tokens?: number })[];
  readonly version: string;
  readonly counts: readonly number[];
  readonly times: TaskAnswer['times'];
}

/** Tokens as they are: whoever sends them has put the special ones in. */
async function runTokens(
  context: Context,
  model: ModelInterface,
  tokens: readonly (readonly number[])[],
  options: AskOptions,
): Promise<Run> {
  const encoded = tokens.map((ids): EncodedText => ({ ids: [...ids], typeIds: ids.map(() => 0) }));
  const startedAt = performance.now();
  const { rows, version } = await context.textRunner.encode(model.text!, encoded, options);
  const times = { inferMs: performance.now() - startedAt };
  return { rows, version, times, counts: encoded.map(({ ids }) => ids.length) };
}

async function runTexts(
  context: Context,
  model: ModelInterface,
  task: EmbedTask,
  texts: readonly string[],
  options: AskOptions,
): Promise<Run> {
  const asked = await embedTexts(context, model, task, texts, options);
  const { rows, version, cached: _, ...times } = asked;
  const known = rows.map((row) => (row as { tokens?: number }).tokens);
  const counts = known.every((count) => count !== undefined)
    ? (known as number[])
    : await countTokens(context, model, texts, options);
  return { rows, version, times, counts };
}

/** How many tokens texts are, by the server's tokenizer; none where the model is no tokenizer and encoder. */
async function countTokens(
  { client }: Context,
  model: ModelInterface,
  texts: readonly string[],
  { id, signal }: AskOptions,
): Promise<number[]> {
  const { tokenizer } = model;
  if (tokenizer === undefined) return texts.map(() => 0);
  return Promise.all(
    texts.map(async (text) => {
      const inputs = [stringTensor(tokenizer.input, [1, 1], [text])];
      const outputs = [{ name: 'input_ids' }];
      const response = await client.infer({ model: tokenizer.model, id, inputs, outputs, signal });
      return response.outputs[0]?.data.length ?? 0;
    }),
  );
}

function base64Of(vector: readonly number[]): string {
  const floats = Float32Array.from(vector);
  return Buffer.from(floats.buffer).toString('base64');
}
