import { ConchError } from '../base/index.ts';
import {
  dimsOf,
  type ModelConfig,
  type ModelEnsembling_Step,
  type ModelInput,
  type ModelOutput,
  toInteger,
} from '../config/index.ts';
import { joinedStreams } from '../repository/index.ts';

/** One end of an ensemble tensor: the ensemble's own input or output, or a step's. */
interface End {
  readonly label: string;
  readonly type: string;
  /** Without the batch dimension. */
  readonly dims: readonly number[];
  /** With it, where the model batches. */
  readonly full: readonly number[];
}

/** The config of a composing model, or why it cannot be used (MODEL_NOT_FOUND, MODEL_NOT_READY). */
export type ConfigOf = (name: string, version: number) => ModelConfig | ConchError;

/**
 * Triton's rules for an ensemble (core `ensemble_utils.cc`): its own wiring, then each step against its model. Throws
 * MODEL_LOAD_FAILED that names both sides of the first clash.
 */
export function checkEnsemble(config: ModelConfig, configOf: ConfigOf): void {
  const name = config.name ?? '';
  const steps = config.ensemble_scheduling?.step ?? [];
  checkSteps(name, steps);
  checkFlow(name, config, steps);
  const ends = new Map<string, End>();
  for (const input of config.input ?? [])
    meet(ends, name, input.name!, endOf(`input of '${name}'`, input, config, true));
  steps.forEach((step, index) => {
    const model = configOf(step.model_name!, toInteger(step.model_version));
    if (model instanceof ConchError) {
      throw refuse(name, `step ${index} needs model '${step.model_name}': ${model.message}`, index, { cause: model });
    }
    checkStep(name, index, step, config, model);
    for (const [key, tensor] of Object.entries(step.input_map ?? {})) {
      const input = model.input!.find((candidate) => candidate.name === key)!;
      meet(ends, name, tensor, endOf(`input '${key}' of '${step.model_name}'`, input, model, false));
    }
    for (const [key, tensor] of Object.entries(step.output_map ?? {})) {
      const output = model.output!.find((candidate) => candidate.name === key)!;
      meet(ends, name, tensor, endOf(`output '${key}' of '${step.model_name}'`, output, model, false));
    }
  });
  for (const output of config.output ?? [])
    meet(ends, name, output.name!, endOf(`output of '${name}'`, output, config, true));
  const joined = joinedStreams(config, (step) => {
    const model = configOf(step.model_name!, toInteger(step.model_version));
    return !(model instanceof ConchError) && model.model_transaction_policy?.decoupled === true;
  });
  if (joined) {
    throw new ConchError('MODEL_LOAD_FAILED', `ensemble '${name}': ${joined.message}`, {
      where: { path: joined.path },
      fix: 'route all inputs of the step through the decoupled model, or make that model answer once',
    });
  }
}

function checkSteps(name: string, steps: readonly ModelEnsembling_Step[]): void {
  if (steps.length === 0) throw refuse(name, 'it has no step');
  const producers = new Map<string, number>();
  steps.forEach((step, index) => {
    if (!step.model_name) throw refuse(name, `step ${index} has no model_name`, index);
    if (Object.keys(step.input_map ?? {}).length === 0) throw refuse(name, `step ${index} has no input_map`, index);
    if (Object.keys(step.output_map ?? {}).length === 0) throw refuse(name, `step ${index} has no output_map`, index);
    for (const tensor of Object.values(step.output_map ?? {})) {
      const other = producers.get(tensor);
      if (other !== undefined)
        throw refuse(name, `tensor '${tensor}' is written by step ${other} and by step ${index}`, index);
      producers.set(tensor, index);
    }
  });
}

/** Everything that is written must be read, and every output must be reachable from the inputs. */
function checkFlow(name: string, config: ModelConfig, steps: readonly ModelEnsembling_Step[]): void {
  const read = new Set(steps.flatMap((step) => Object.values(step.input_map ?? {})));
  const written = new Set(steps.flatMap((step) => Object.values(step.output_map ?? {})));
  const inputs = new Set((config.input ?? []).map((input) => input.name!));
  const outputs = new Set((config.output ?? []).map((output) => output.name!));
  for (const input of inputs) {
    if (written.has(input)) throw refuse(name, `its input '${input}' is written by a step as well`);
    if (!read.has(input)) throw refuse(name, `its input '${input}' is used by no step`);
  }
  const known = new Set(inputs);
  let waiting = [...steps];
  for (let progress = true; progress; ) {
    const ready = waiting.filter((step) => Object.values(step.input_map ?? {}).every((tensor) => known.has(tensor)));
    for (const step of ready) for (const tensor of Object.values(step.output_map ?? {})) known.add(tensor);
    waiting = waiting.filter((step) => !ready.includes(step));
    progress = ready.length > 0;
  }
  const lacking = waiting
    .flatMap((step) => Object.values(step.input_map ?? {}).map((tensor) => ({ step, tensor })))
    .find(({ tensor }) => !known.has(tensor));
  const why = lacking ? `; step '${lacking.step.model_name}' waits for '${lacking.tensor}'` : '';
  for (const output of outputs) {
    if (!known.has(output)) throw refuse(name, `its output '${output}' is never written${why}`);
  }
  for (const tensor of read) if (!known.has(tensor)) throw refuse(name, `tensor '${tensor}' is never written${why}`);
  for (const tensor of written) {
    if (!read.has(tensor) && !outputs.has(tensor)) {
      throw refuse(name, `tensor '${tensor}' is written but never used; leave it out of output_map`);
    }
  }
}

function checkStep(
  name: string,
  index: number,
  step: ModelEnsembling_Step,
  ensemble: ModelConfig,
  model: ModelConfig,
): void {
  const own = toInteger(ensemble.max_batch_size);
  const theirs = toInteger(model.max_batch_size);
  if (theirs !== 0 && theirs < own) {
    throw refuse(
      name,
      `its max_batch_size ${own} exceeds the ${theirs} of step ${index}, '${step.model_name}'`,
      index,
      { fix: `set max_batch_size of '${name}' to ${theirs} or less` },
    );
  }
  const inputs = (model.input ?? []).map((input) => input.name!);
  const outputs = (model.output ?? []).map((output) => output.name!);
  const list = (names: readonly string[]) => names.map((tensor) => `'${tensor}'`).join(', ') || 'none';
  for (const key of Object.keys(step.input_map ?? {})) {
    if (!inputs.includes(key))
      throw refuse(name, `step ${index} maps input '${key}' of '${step.model_name}', which has ${list(inputs)}`, index);
  }
  for (const input of model.input ?? []) {
    if (!input.optional && !Object.hasOwn(step.input_map ?? {}, input.name!)) {
      throw refuse(name, `step ${index} leaves input '${input.name}' of '${step.model_name}' unmapped`, index);
    }
  }
  for (const key of Object.keys(step.output_map ?? {})) {
    if (!outputs.includes(key))
      throw refuse(
        name,
        `step ${index} maps output '${key}' of '${step.model_name}', which has ${list(outputs)}`,
        index,
      );
  }
}

/** The first end seen of a tensor speaks for it; each further one must agree in type and shape. */
function meet(ends: Map<string, End>, name: string, tensor: string, end: End): void {
  const first = ends.get(tensor);
  if (!first) {
    ends.set(tensor, end);
    return;
  }
  if (first.type !== end.type) {
    throw refuse(name, `tensor '${tensor}' is ${first.type} as ${first.label} but ${end.type} as ${end.label}`);
  }
  if (!agree(first.dims, end.dims) && !agree(first.full, end.full)) {
    throw refuse(
      name,
      `tensor '${tensor}' has shape [${first.full}] as ${first.label} but [${end.full}] as ${end.label}`,
    );
  }
}

function endOf(label: string, tensor: ModelInput | ModelOutput, config: ModelConfig, own: boolean): End {
  const dims = own && tensor.reshape ? (tensor.reshape.shape ?? []).map(Number) : dimsOf(tensor);
  return {
    label,
    type: String(tensor.data_type),
    dims,
    full: toInteger(config.max_batch_size) > 0 ? [-1, ...dims] : dims,
  };
}

function agree(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, index) => dim === -1 || b[index] === -1 || dim === b[index]);
}

function refuse(
  name: string,
  what: string,
  step?: number,
  options: { fix?: string; cause?: unknown } = {},
): ConchError {
  const path = step === undefined ? 'ensemble_scheduling' : `ensemble_scheduling.step[${step}]`;
  return new ConchError('MODEL_LOAD_FAILED', `ensemble '${name}': ${what}`, { where: { path }, ...options });
}
