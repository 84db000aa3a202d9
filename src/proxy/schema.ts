import { expectation } from './decode.ts';
import { isInteger, rangeOf } from './elements.ts';
import type { Json } from './encode.ts';
import { isScalar, type ModelInterface, type TensorInterface, takesText } from './interface.ts';
import type { ProxyLimits } from './limits.ts';

export type Schema = { [key: string]: Json };

export const exampleText = 'The company raised its outlook for the full year after a strong quarter.';
export const secondText = 'Orders fell for the third month in a row and the plant will close.';

/**
 * JSON Schema (2020-12, as in OpenAPI 3.1) of the body that a model's route takes. Of several inputs, all hold one item
 * or all hold lists; that the lists are equally long is beyond what a schema can say.
 */
export function requestSchema(model: ModelInterface, limits: ProxyLimits): Schema {
  const items = model.inputs.map((input) => itemSchema(input, limits, 'in'));
  const lists = items.map(
    (item): Schema => ({ type: 'array', minItems: 1, maxItems: limits.itemsPerRequest, items: item }),
  );
  const describe = (input: TensorInterface, schema: Schema): Schema => ({
    description: `${sentence(expectation(input))} ${input.datatype}.`,
    ...schema,
  });
  const body = (schemas: readonly Schema[]): Schema => ({
    type: 'object',
    properties: Object.fromEntries(model.inputs.map((input, at) => [input.name, describe(input, schemas[at]!)])),
    required: model.inputs.filter(({ optional }) => !optional).map(({ name }) => name),
    additionalProperties: false,
  });
  if (model.inputs.length === 1) return body([{ anyOf: [items[0]!, lists[0]!] }]);
  return { anyOf: [body(items), body(lists)] };
}

/** JSON Schema of one item of a model's answer. */
export function answerSchema(model: ModelInterface): Schema {
  const { classes } = model;
  const properties: Schema = {};
  for (const output of model.outputs) {
    if (output.name !== classes?.output) {
      properties[output.name] = itemSchema(output, undefined, 'out');
      continue;
    }
    const labels = [...classes.labels];
    const probability = { type: 'number', minimum: 0, maximum: 1 };
    Object.assign(properties, {
      [output.name]: {
        description: `In the order of the labels: ${labels.slice(0, 20).join(', ')}${labels.length > 20 ? ', …' : ''}.`,
        type: 'array',
        items: { type: 'number' },
        minItems: labels.length,
        maxItems: labels.length,
      },
      label: { description: 'The label with the highest score.', type: 'string', enum: labels },
      scores: {
        description: 'The probability of each label (softmax of the logits).',
        type: 'object',
        properties: Object.fromEntries(labels.map((label) => [label, probability])),
        required: labels,
      },
    });
  }
  return { type: 'object', properties, required: Object.keys(properties) };
}

function itemSchema(tensor: TensorInterface, limits: ProxyLimits | undefined, direction: 'in' | 'out'): Schema {
  const element = elementSchema(tensor, limits, direction);
  if (isScalar(tensor)) return element;
  return tensor.dims.reduceRight<Schema>((items, dim) => {
    const fixed = dim >= 0 ? { minItems: dim, maxItems: dim } : direction === 'in' ? { minItems: 1 } : {};
    return { type: 'array', items, ...fixed };
  }, element);
}

function elementSchema(
  { datatype }: TensorInterface,
  limits: ProxyLimits | undefined,
  direction: 'in' | 'out',
): Schema {
  if (datatype === 'BOOL') return { type: 'boolean' };
  if (datatype === 'BYTES') return { type: 'string', ...(limits && { maxLength: limits.charactersPerText }) };
  const { min, max } = rangeOf(datatype)!;
  if (typeof min === 'bigint') {
    const safe = { minimum: min === 0n ? 0 : Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
    const number = { type: 'integer', ...safe };
    const text = { type: 'string', pattern: min === 0n ? '^[0-9]{1,19}$' : '^-?[0-9]{1,18}$' };
    return { anyOf: [number, direction === 'in' ? text : { ...text, description: 'Beyond 2^53.' }] };
  }
  if (isInteger(datatype)) return { type: 'integer', minimum: min, maximum: max as number };
  if (direction === 'in') return { type: 'number', minimum: min, maximum: max as number };
  return { anyOf: [{ type: 'number' }, { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] }] };
}

/** Bodies that show how a model is asked: one item, and several where that fits on a screen. */
export function requestExamples(model: ModelInterface): { one: Schema; several: Schema } {
  const of = (item: number) =>
    Object.fromEntries(model.inputs.map((input): [string, Json] => [input.name, exampleItem(input, item)]));
  const [first, second] = [of(0), of(1)];
  const several = Object.fromEntries(
    model.inputs.map(({ name }): [string, Json] => [name, [first[name] as Json, second[name] as Json]]),
  );
  return { one: first, several };
}

function exampleItem(input: TensorInterface, item: number): Json {
  const make = (level: number, seed: number): Json => {
    if (level === input.dims.length) return exampleElement(input, seed);
    const length = input.dims[level]! < 0 ? 3 : Math.min(input.dims[level]!, 1000);
    return Array.from({ length }, (_, index) => make(level + 1, seed * length + index));
  };
  return isScalar(input) ? exampleElement(input, item) : make(0, item);
}

function exampleElement({ datatype }: TensorInterface, seed: number): Json {
  if (datatype === 'BOOL') return seed % 2 === 0;
  if (datatype === 'BYTES') return seed % 2 === 0 ? exampleText : secondText;
  return isInteger(datatype) ? 1 : (((seed * 7) % 20) - 10) / 10;
}

/** An answer as it looks, with made-up numbers: only its shape is a promise. */
export function answerExample(model: ModelInterface): Schema {
  const { classes } = model;
  const answer: Schema = {};
  for (const output of model.outputs) {
    if (output.name === classes?.output) {
      const logits = classes.labels.map((_, index) => (index === 0 ? 2 : -1));
      const total = Math.exp(2) + (logits.length - 1) * Math.exp(-1);
      const score = (logit: number) => Number((Math.exp(logit) / total).toFixed(4));
      Object.assign(answer, {
        [output.name]: logits,
        label: classes.labels[0]!,
        scores: Object.fromEntries(classes.labels.map((label, index) => [label, score(logits[index]!)])),
      });
    } else if (output.dims.some((dim) => dim > 16)) {
      answer[output.name] = [];
    } else {
      answer[output.name] = exampleItem(output, 0);
    }
  }
  return answer;
}

/** What a model's route does, in a sentence. */
export function summaryOf(model: ModelInterface): string {
  if (model.classes) return `Classify text: label and scores from ${model.name}`;
  return takesText(model) ? `Run text through ${model.name}` : `Run ${model.name}`;
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
