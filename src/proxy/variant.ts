import { ConchError } from '../base/index.ts';
import type { ModelInterface } from './interface.ts';

/** The field of a body that asks for the TensorRT variant of a model. */
export const variantField = 'trt_model';

/**
 * The names that a model's TensorRT variant may have: `trt` put in as a part of its own, from the end on.
 * `finbert-model` is asked for as `finbert-trt-model`, `simple_net` as `simple_net-trt`.
 */
export function variantNames(name: string): string[] {
  const parts = name.split('-');
  const names = [`${name}-trt`];
  for (let at = 1; at < parts.length; at++) {
    names.push([...parts.slice(0, at), 'trt', ...parts.slice(at)].join('-'));
  }
  return parts.length === 1 ? names : [...names.slice(1).reverse(), names[0]!];
}

/** The variant of `name` among the models offered. */
export function variantOf(name: string, get: (name: string) => ModelInterface | undefined): ModelInterface | undefined {
  for (const candidate of variantNames(name)) {
    const found = get(candidate);
    if (found) return found;
  }
  return undefined;
}

/**
 * What a body asks to run: the model of its route, or with `"trt_model": true` the TensorRT variant; and the body
 * without that field. Where the model has an input of that name the field is the input's.
 * @throws REQUEST_INVALID when the field is not a boolean, MODEL_NOT_FOUND when there is no variant.
 */
export function chooseVariant(
  model: ModelInterface,
  body: unknown,
  get: (name: string) => ModelInterface | undefined,
): { model: ModelInterface; body: unknown } {
  if (body === null || typeof body !== 'object' || !Object.hasOwn(body, variantField)) return { model, body };
  if (model.inputs.some(({ name }) => name === variantField)) return { model, body };
  const { [variantField]: wanted, ...rest } = body as Record<string, unknown>;
  const where = { path: variantField };
  if (typeof wanted !== 'boolean') {
    throw new ConchError('REQUEST_INVALID', `${variantField}: expected true or false`, { where });
  }
  if (!wanted) return { model, body: rest };
  const variant = variantOf(model.name, get);
  if (variant) return { model: variant, body: rest };
  const names = variantNames(model.name).map((name) => `'${name}'`);
  throw new ConchError(
    'MODEL_NOT_FOUND',
    `model '${model.name}' has no TensorRT variant: no model ${names.join(' or ')}`,
    {
      where,
      fix: `leave ${variantField} out, or load the variant on the server`,
    },
  );
}
