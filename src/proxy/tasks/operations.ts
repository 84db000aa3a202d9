import type { ModelInterface } from '../interface.ts';
import type { ProxyLimits } from '../limits.ts';
import { exampleText, type Schema, secondText } from '../schema.ts';
import type { TaskName } from './task.ts';

/** A route's body and answer, for the OpenAPI document. */
export interface TaskOperation {
  readonly summary: string;
  readonly body: Schema;
  readonly example: Schema;
  readonly answer: Schema;
}

const number: Schema = { type: 'number' };
const index: Schema = { type: 'integer', minimum: 0 };
const string: Schema = { type: 'string' };

const object = (properties: Schema, required: readonly string[], more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  required: [...required],
  ...more,
});
const closed = { additionalProperties: false };
const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more });
const oneOrList = (item: Schema): Schema => ({ anyOf: [item, list(item)] });

const textSchema = ({ charactersPerText }: ProxyLimits): Schema => ({ type: 'string', maxLength: charactersPerText });
const textsSchema = (limits: ProxyLimits): Schema =>
  list(textSchema(limits), { minItems: 1, maxItems: limits.itemsPerRequest });
const textOrTexts = (limits: ProxyLimits): Schema => ({ anyOf: [textSchema(limits), textsSchema(limits)] });
const count = (most: number): Schema => ({ type: 'integer', minimum: 1, maximum: most });
const most = 1_000_000;

const operations: { readonly [Name in TaskName]: (model: ModelInterface, limits: ProxyLimits) => TaskOperation } = {
  classify: (model, limits) => ({
    summary: `Labels of a text and their scores, the highest first: ${model.name}`,
    body: object({ text: textOrTexts(limits), top_k: count(most) }, ['text'], closed),
    example: { text: exampleText, top_k: 1 },
    answer: oneOrListOfLists(
      object(
        {
          label: { type: 'string', enum: [...model.classes!.labels] },
          score: { type: 'number', minimum: 0, maximum: 1 },
        },
        ['label', 'score'],
      ),
    ),
  }),
  embed: (model, limits) => ({
    summary: `The vector of a text: ${model.name}`,
    body: object(
      {
        text: textOrTexts(limits),
        normalize: { type: 'boolean', default: true, description: 'Divide by the length.' },
        truncate: { type: 'boolean', default: true, description: 'Cut texts that are too long; false: refuse them.' },
        dimensions: { ...count(sizeOf(model)), description: 'Keep the first elements alone.' },
        pooling: {
          type: 'string',
          enum: ['mean', 'cls'],
          default: 'mean',
          description: 'Where the model gives a vector for each token.',
        },
      },
      ['text'],
      closed,
    ),
    example: { text: exampleText },
    answer: oneOrListOfLists(number),
  }),
  rerank: (model, limits) => ({
    summary: `Texts by how well they answer a query, the best first: ${model.name}`,
    body: object(
      {
        query: textSchema(limits),
        texts: textsSchema(limits),
        top_n: count(most),
        raw_scores: { type: 'boolean', default: false, description: 'Logits in place of their sigmoid.' },
        return_text: { type: 'boolean', default: false },
      },
      ['query', 'texts'],
      closed,
    ),
    example: { query: 'Which company grew?', texts: [exampleText, secondText] },
    answer: list(object({ index, score: number, text: string }, ['index', 'score'])),
  }),
  tokens: (model, limits) => ({
    summary: `What the words of a text are: ${model.name}`,
    body: object(
      {
        text: textOrTexts(limits),
        aggregation: {
          type: 'string',
          enum: ['entities', 'words'],
          default: 'entities',
          description: 'Words of one entity together, or each by itself.',
        },
      },
      ['text'],
      closed,
    ),
    example: { text: exampleText },
    answer: oneOrListOfLists(
      object({ entity: string, score: number, text: string, start: index, end: index }, [
        'entity',
        'score',
        'text',
        'start',
        'end',
      ]),
    ),
  }),
};

/** A list for one text, a list of lists for several. */
function oneOrListOfLists(item: Schema): Schema {
  return oneOrList(list(item));
}

function sizeOf({ task }: ModelInterface): number {
  return task?.name === 'embed' ? task.size : 1;
}

export function taskOperation(model: ModelInterface, limits: ProxyLimits): TaskOperation | undefined {
  return model.task && operations[model.task.name](model, limits);
}

/** OpenAI's embeddings, over all models that embed; undefined where there is none. */
export function embeddingsOperation(models: readonly ModelInterface[], limits: ProxyLimits): TaskOperation | undefined {
  const names = models.filter(({ task }) => task?.name === 'embed').map(({ name }) => name);
  if (names.length === 0) return undefined;
  const token: Schema = { type: 'integer', minimum: 0 };
  const input: Schema = {
    anyOf: [
      textSchema(limits),
      textsSchema(limits),
      list(token, { minItems: 1 }),
      list(list(token, { minItems: 1 }), { minItems: 1, maxItems: limits.itemsPerRequest }),
    ],
  };
  const embedding: Schema = { anyOf: [list(number), { ...string, description: 'Base64 of little-endian FP32.' }] };
  return {
    summary: "Vectors of texts, as OpenAI's API gives them",
    body: object(
      {
        model: { type: 'string', enum: names },
        input,
        encoding_format: { type: ['string', 'null'], enum: ['float', 'base64', null], default: 'float' },
        dimensions: { type: ['integer', 'null'], minimum: 1 },
        user: { type: ['string', 'null'], maxLength: limits.charactersPerText },
      },
      ['model', 'input'],
      closed,
    ),
    example: { model: names[0]!, input: exampleText },
    answer: object(
      {
        object: { type: 'string', enum: ['list'] },
        data: list(
          object({ object: { type: 'string', enum: ['embedding'] }, index, embedding }, [
            'object',
            'index',
            'embedding',
          ]),
        ),
        model: string,
        usage: object({ prompt_tokens: index, total_tokens: index }, ['prompt_tokens', 'total_tokens']),
      },
      ['object', 'data', 'model', 'usage'],
    ),
  };
}

/** The body of OpenAI's errors. */
export const openaiErrorSchema: Schema = object(
  {
    error: object({ message: string, type: string, param: { type: ['string', 'null'] }, code: string }, [
      'message',
      'type',
      'param',
      'code',
    ]),
    requestId: string,
  },
  ['error', 'requestId'],
);

/** The answers of `GET /v1/models` and `GET /v1/models/{name}`. */
export const openaiModelSchema: Schema = object(
  { id: string, object: { type: 'string', enum: ['model'] }, created: { type: 'integer' }, owned_by: string },
  ['id', 'object', 'created', 'owned_by'],
);
export const openaiModelsSchema: Schema = object(
  { object: { type: 'string', enum: ['list'] }, data: list(openaiModelSchema) },
  ['object', 'data'],
);
