import type { Json } from './encode.ts';
import type { ModelInterface } from './interface.ts';
import type { ProxyLimits } from './limits.ts';
import { answerExample, answerSchema, requestExamples, requestSchema, type Schema, summaryOf } from './schema.ts';
import {
  embeddingsOperation,
  openaiErrorSchema,
  openaiModelSchema,
  openaiModelsSchema,
  type TaskOperation,
  taskOperation,
} from './tasks/operations.ts';
import { variantField, variantOf } from './variant.ts';

/** JSON Schema of the body of every error; `ErrorBody` in errors.ts. */
export const errorSchema = {
  $id: 'Error',
  type: 'object',
  description: 'Every answer that is not a success.',
  properties: {
    error: { type: 'string', description: 'What is wrong: the field, what was expected, what came.' },
    code: { type: 'string', description: "One of conch's error codes, e.g. REQUEST_INVALID." },
    field: { type: 'string', description: 'The field of the request that is wrong, e.g. `x[3]`.' },
    fix: { type: 'string', description: 'What to do about it.' },
    requestId: { type: 'string', description: 'Also in the x-request-id header and in the log.' },
  },
  required: ['error', 'code', 'requestId'],
} as const;

const failures: readonly [number, string, boolean?][] = [
  [400, 'The request does not fit the model or its limits, or is not JSON.'],
  [404, 'No such model.'],
  [413, 'The body is larger than the limit.'],
  [415, 'The body is not JSON.'],
  [429, 'Too many requests at once.', true],
  [500, 'A defect in the proxy.'],
  [501, 'The model cannot be asked through the proxy.'],
  [502, 'The inference server failed.'],
  [503, 'The server or the model is not ready.', true],
  [504, 'The answer took longer than the time limit.'],
];

const answerHeaders: Schema = {
  'x-request-id': {
    description: 'The id of the request: the one sent in this header if it was usable, else a new one.',
    schema: { type: 'string' },
  },
  'x-conch-time-total': {
    description: 'Milliseconds from arrival to answer, in the proxy.',
    schema: { type: 'number' },
  },
  'x-conch-time-infer': { description: 'Milliseconds spent waiting for the server.', schema: { type: 'number' } },
  'x-conch-model-version': { description: 'The version that answered.', schema: { type: 'string' } },
};

/**
 * The proxy's OpenAPI 3.1 document: `base` holds the fixed routes (from their schemas), the models' routes are added
 * as they are now. Models come and go while the proxy runs, so the document is made on demand.
 */
export function openApiDocument(
  base: object,
  models: readonly ModelInterface[],
  options: { readonly prefix: string; readonly limits: ProxyLimits },
): Schema {
  const document = structuredClone(base) as Schema & { paths: Schema };
  const byName = new Map(models.map((model) => [model.name, model]));
  for (const model of models) {
    const variant = variantOf(model.name, (name) => byName.get(name));
    const path = `${options.prefix}/models/${encodeURIComponent(model.name)}`;
    document.paths[path] = { ...(document.paths[path] as Schema), post: operation(model, variant, options.limits) };
    const task = taskOperation(model, options.limits);
    if (task) document.paths[`${path}/${model.task!.name}`] = { post: taskPost(model, task, options.limits) };
  }
  const embeddings = embeddingsOperation(models, options.limits);
  if (embeddings) Object.assign(document.paths, openaiPaths(options.prefix, embeddings, options.limits));
  return document;
}

const requestIdParameter: Schema = {
  name: 'x-request-id',
  in: 'header',
  required: false,
  description: 'Up to 128 letters, digits and ._:- to find the request by in the logs.',
  schema: { type: 'string' },
};

function failureResponses(schema: Schema): Schema {
  return Object.fromEntries(
    failures.map(([status, description, retry]): [string, Json] => [
      String(status),
      {
        description,
        ...(retry && { headers: { 'retry-after': { description: 'Seconds.', schema: { type: 'integer' } } } }),
        content: { 'application/json': { schema } },
      },
    ]),
  );
}

function post(
  id: string,
  { summary, body, example, answer }: TaskOperation,
  limits: ProxyLimits,
  error: Schema,
): Schema {
  return {
    operationId: id,
    tags: ['models'],
    summary,
    parameters: [requestIdParameter],
    requestBody: {
      required: true,
      description: `At most ${limits.bodyBytes} bytes.`,
      content: { 'application/json': { schema: body, examples: { one: { summary: 'One request', value: example } } } },
    },
    responses: {
      200: { description: 'The answer.', headers: answerHeaders, content: { 'application/json': { schema: answer } } },
      ...failureResponses(error),
    },
  };
}

function taskPost(model: ModelInterface, task: TaskOperation, limits: ProxyLimits): Schema {
  const id = `${model.task!.name}_${model.name.replace(/[^A-Za-z0-9_]/g, '_')}`;
  return post(id, task, limits, { $ref: '#/components/schemas/Error' });
}

/** OpenAI's routes, whose errors have a form of their own. */
function openaiPaths(prefix: string, embeddings: TaskOperation, limits: ProxyLimits): Schema {
  const get = (id: string, summary: string, schema: Schema, parameters: Json[] = []): Schema => ({
    operationId: id,
    tags: ['models'],
    summary,
    parameters: [requestIdParameter, ...parameters],
    responses: {
      200: { description: 'The answer.', content: { 'application/json': { schema } } },
      ...failureResponses(openaiErrorSchema),
    },
  });
  const name = { name: 'name', in: 'path', required: true, schema: { type: 'string' } };
  return {
    [`${prefix}/v1/embeddings`]: { post: post('createEmbedding', embeddings, limits, openaiErrorSchema) },
    [`${prefix}/v1/models`]: { get: get('listEmbeddingModels', 'The models that embed texts', openaiModelsSchema) },
    [`${prefix}/v1/models/{name}`]: {
      get: get('describeEmbeddingModel', 'A model that embeds texts', openaiModelSchema, [name]),
    },
  };
}

function operation(model: ModelInterface, variant: ModelInterface | undefined, limits: ProxyLimits): Schema {
  const { one, several } = requestExamples(model);
  const item = answerSchema(model);
  const answer = answerExample(model);
  const responses: Schema = {
    200: {
      description: 'One object for one item; a list of them, in order, where the request holds lists.',
      headers: answerHeaders,
      content: {
        'application/json': {
          schema: { anyOf: [item, { type: 'array', items: item }] },
          examples: { one: { value: answer }, several: { value: [answer, answer] } },
        },
      },
    },
  };
  Object.assign(responses, failureResponses({ $ref: '#/components/schemas/Error' }));
  return {
    operationId: `infer_${model.name.replace(/[^A-Za-z0-9_]/g, '_')}`,
    tags: ['models'],
    summary: summaryOf(model),
    description: `Model \`${model.name}\`, version ${model.version}.`,
    parameters: [requestIdParameter],
    requestBody: {
      required: true,
      description: `At most ${limits.bodyBytes} bytes.`,
      content: {
        'application/json': {
          schema: withVariant(requestSchema(model, limits), model, variant),
          examples: {
            one: { summary: 'One item', value: one },
            several: { summary: 'Several items', value: several },
          },
        },
      },
    },
    responses,
  };
}

/** The schema of a body that may also ask for the model's TensorRT variant. */
function withVariant(schema: Schema, model: ModelInterface, variant: ModelInterface | undefined): Schema {
  if (!variant || model.inputs.some(({ name }) => name === variantField)) return schema;
  const field: Schema = {
    type: 'boolean',
    default: false,
    description: `True: model '${variant.name}' answers instead.`,
  };
  const add = (body: Schema): Schema => ({
    ...body,
    properties: { ...(body.properties as Schema), [variantField]: field },
  });
  return schema.anyOf ? { anyOf: (schema.anyOf as Schema[]).map(add) } : add(schema);
}
