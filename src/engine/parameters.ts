import { ConchError } from '../base/index.ts';
import type { ModelConfig } from '../config/index.ts';

/** The value of one of a config's `parameters`. */
export function parameterOf(config: ModelConfig, key: string): string | undefined {
  const parameters = config.parameters ?? {};
  return Object.hasOwn(parameters, key) ? parameters[key]!.string_value : undefined;
}

/** A parameter that must be a whole number of at most `max`; throws MODEL_LOAD_FAILED naming it otherwise. */
export function integerParameter(config: ModelConfig, key: string, max: number): number | undefined {
  const value = parameterOf(config, key);
  if (value === undefined) return undefined;
  if (/^\d{1,15}$/.test(value) && Number(value) <= max) return Number(value);
  throw parameterError(key, value, `a whole number from 0 to ${max}`);
}

export function parameterError(key: string, value: string, expected: string): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', `parameter '${key}' must be ${expected}, it is '${value}'`, {
    where: { path: `parameters["${key}"].string_value` },
  });
}
