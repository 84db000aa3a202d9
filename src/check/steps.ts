import { type ModelEnsembling_Step, toInteger } from '../config/index.ts';
import type { ModelView } from './view.ts';

/** A step of an ensemble, with the model that runs it when that one can be compared against. */
export interface StepView {
  readonly index: number;
  /** `ensemble_scheduling.step[0]` */
  readonly path: string;
  readonly step: ModelEnsembling_Step;
  readonly modelName: string;
  /** -1: the newest; 0 when the field is not written, which Triton takes for version 0. */
  readonly version: number;
  /** The model named, if the repository has it. */
  readonly named: ModelView | undefined;
  /** The model named, if Triton would load it; only then is it worth comparing tensors. */
  readonly member: ModelView | undefined;
}

export function stepsOf(model: ModelView): StepView[] {
  const steps = model.written.ensemble_scheduling?.step ?? [];
  const { repository } = model;
  return steps.map((step, index) => {
    const modelName = step.model_name ?? '';
    const named = repository.models.get(modelName);
    const loads = named?.parses && repository.refusal(modelName) === undefined;
    const member = loads && !repository.circular.has(modelName) ? named : undefined;
    const path = `ensemble_scheduling.step[${index}]`;
    return { index, path, step, modelName, version: toInteger(step.model_version), named, member };
  });
}

/** A map of a step in the order of its text: key (the model's tensor), value (the ensemble's), and where the value stands. */
export function mappings(
  { step, path }: StepView,
  field: 'input_map' | 'output_map',
): { key: string; tensor: string; path: string }[] {
  const entries = Object.entries(step[field] ?? {});
  return entries.map(([key, tensor]) => ({ key, tensor, path: `${path}.${field}[${JSON.stringify(key)}].value` }));
}
