import { ConchError } from '../../base/index.ts';
import { type AskOptions, ask, askTexts, type Runners } from '../ask.ts';
import { classAnswer } from '../classify.ts';
import { readItems } from '../decode.ts';
import type { Json, OutputColumn } from '../encode.ts';
import type { OutputRow } from '../infer.ts';
import type { ModelInterface } from '../interface.ts';
import type { ProxyLimits } from '../limits.ts';
import { type Entity, entitiesOf } from './entities.ts';
import { booleanOf, choiceOf, countOf, fieldsOf, textListOf, textOf, textsOf } from './fields.ts';
import type { ModelTask, TaskName } from './task.ts';
import { type VectorOptions, vectorOf } from './vectors.ts';

export interface TaskContext extends Runners {
  readonly limits: ProxyLimits;
}

export interface TaskAnswer {
  readonly answer: Json;
  readonly items: number;
  readonly version: string;
  readonly times: { readonly queueMs?: number; readonly tokenizeMs?: number; readonly inferMs: number };
}

type Of<Name extends TaskName> = Extract<ModelTask, { name: Name }>;
type Answerer<Name extends TaskName> = (
  context: TaskContext,
  model: ModelInterface,
  task: Of<Name>,
  body: unknown,
  options: AskOptions,
) => Promise<TaskAnswer>;

/** What each task's route does with a body. */
export const taskAnswers: { readonly [Name in TaskName]: Answerer<Name> } = {
  async classify(context, model, task, body, options) {
    const fields = fieldsOf(body, ['text', 'top_k']);
    const { texts, several } = textsOf(fields, 'text', context.limits);
    const topK = countOf(fields, 'top_k', 1_000_000);
    const { rows, version, cached: _, ...times } = await askModel(context, model, { text: texts }, options);
    const answers = rows.map((row) => {
      const { scores } = classAnswer(model.name, model.classes!, columnOf(row, task.output), row.index);
      const named = Object.entries(scores as Record<string, number>).map(([label, score]) => ({ label, score }));
      return named.sort((a, b) => b.score - a.score).slice(0, topK);
    });
    return { answer: several ? answers : answers[0]!, items: texts.length, version, times };
  },

  async embed(context, model, task, body, options) {
    const fields = fieldsOf(body, ['text', 'normalize', 'truncate', 'dimensions', 'pooling']);
    const { texts, several } = textsOf(fields, 'text', context.limits);
    const how: VectorOptions = {
      normalize: booleanOf(fields, 'normalize', true),
      dimensions: countOf(fields, 'dimensions', task.size),
      pooling: choiceOf(fields, 'pooling', ['mean', 'cls']),
    };
    if (!booleanOf(fields, 'truncate', true)) refuseLong(model, texts, 'text');
    const { rows, version, cached: _, ...times } = await embedTexts(context, model, task, texts, options);
    const vectors = rows.map((row) => vectorOf(row, task.output, how));
    return { answer: several ? vectors : vectors[0]!, items: texts.length, version, times };
  },

  async rerank(context, model, task, body, options) {
    const fields = fieldsOf(body, ['query', 'texts', 'top_n', 'raw_scores', 'return_text']);
    const query = textOf(fields, 'query', context.limits);
    const texts = textListOf(fields.texts, 'texts', context.limits);
    const topN = countOf(fields, 'top_n', 1_000_000);
    const raw = booleanOf(fields, 'raw_scores', false) || task.raw;
    const returnText = booleanOf(fields, 'return_text', false);
    const inputs = { text: texts.map(() => query), [task.pair]: texts };
    const { rows, version, cached: _, ...times } = await askModel(context, model, inputs, options);
    const scores = rows.map((row) => {
      const { elements } = columnOf(row, task.output);
      const logit = Number(elements[row.index]);
      if (!Number.isFinite(logit)) throw new ConchError('EXECUTION_FAILED', `model '${model.name}' gave ${logit}`);
      return raw ? logit : 1 / (1 + Math.exp(-logit));
    });
    const ranked = scores
      .map((score, index) => ({ index, score, ...(returnText && { text: texts[index]! }) }))
      .sort((a, b) => b.score - a.score || a.index - b.index);
    return { answer: ranked.slice(0, topN), items: texts.length, version, times };
  },

  async tokens(context, model, task, body, options) {
    const fields = fieldsOf(body, ['text', 'aggregation']);
    const { texts, several } = textsOf(fields, 'text', context.limits);
    const grouped = choiceOf(fields, 'aggregation', ['entities', 'words']) === 'entities';
    const encoded = texts.map((text) => {
      const words = model.text!.tokenizer.encodeWords(text);
      if (words) return words;
      const what = `model '${model.name}': the words of this text cannot be told apart`;
      throw new ConchError('NOT_SUPPORTED', what, { fix: `ask for the tokens themselves, POST /models/${model.name}` });
    });
    const startedAt = performance.now();
    const { rows, version } = await context.textRunner.encode(model.text!, encoded, options);
    const inferMs = performance.now() - startedAt;
    const answers = rows.map((row, at): Entity[] => {
      const { elements, elementsPerItem, shape } = columnOf(row, task.output);
      const size = shape.at(-1)!;
      const words = encoded[at]!.words.map(({ start, end, first }) => {
        const from = row.index * elementsPerItem + first * size;
        return { start, end, logits: Array.from({ length: size }, (_, label) => Number(elements[from + label])) };
      });
      return entitiesOf(texts[at]!, words, task.labels, grouped);
    });
    const answer = (several ? answers : answers[0]!) as unknown as Json;
    return { answer, items: texts.length, version, times: { inferMs } };
  },
};

/** Rows from which vectors can be made; where the model gives one for each token, with how many are the text's own. */
export function embedTexts(
  context: TaskContext,
  model: ModelInterface,
  task: Of<'embed'>,
  texts: readonly string[],
  options: AskOptions,
) {
  if (task.pooled) return askModel(context, model, { text: texts }, options);
  return askTexts(context.textRunner, model, texts, undefined, options);
}

/** @throws REQUEST_INVALID for a text that would be cut, where the tokenizer is at hand to tell. */
export function refuseLong(model: ModelInterface, texts: readonly string[], field: string): void {
  const { tokenizer } = model.text ?? {};
  if (!tokenizer) {
    const what = `truncate: without the tokenizer of '${model.name}' the proxy cannot tell which texts are too long`;
    throw new ConchError('NOT_SUPPORTED', what, { where: { path: 'truncate' } });
  }
  const long = texts.findIndex((text) => !tokenizer.fits(text));
  if (long < 0) return;
  const path = `${field}[${long}]`;
  throw new ConchError('REQUEST_INVALID', `${path}: more than the model's ${tokenizer.maxLength} tokens`, {
    where: { path },
    fix: 'shorten the text, or leave truncate out',
  });
}

/** Runs lists of texts; the first of `inputs` stands for the model's first text input, whatever it is called. */
async function askModel(
  context: TaskContext,
  model: ModelInterface,
  inputs: Readonly<Record<string, readonly string[]>>,
  options: AskOptions,
) {
  const pair = model.task?.name === 'rerank' ? model.task.pair : undefined;
  const text = model.inputs.find(({ name }) => name !== pair)!.name;
  const { text: texts, ...others } = inputs;
  const items = readItems(model, { [text]: texts, ...others }, context.limits);
  return ask(context, model, items, options);
}

function columnOf({ columns }: OutputRow, output: string): OutputColumn {
  const column = columns.find((one) => one.output.name === output);
  if (!column) throw new ConchError('EXECUTION_FAILED', `no output '${output}' in the answer`);
  return column;
}
