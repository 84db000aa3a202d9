import { dimsOf, type ModelInput } from '../config/index.ts';
import { backendDims, hasSoundDims, hasType } from './fields.ts';
import { mappings, stepsOf } from './steps.ts';
import type { ModelView } from './view.ts';

/** One side of an ensemble tensor: the ensemble's own declaration of it, or a member's input or output mapped to it. */
export interface Side {
  /** `input 'text' of the ensemble`, `output 'ids' of tokenizer` */
  readonly label: string;
  readonly role: 'produces' | 'consumes' | 'declares';
  readonly tensor: ModelInput;
  /** As compared: without the batch dimension. */
  readonly dims: readonly number[];
  readonly batches: boolean;
  /** Where in the ensemble's config.pbtxt it is declared or mapped. */
  readonly path: string;
  /** Whether type and dims are such that a comparison means something. */
  readonly hasType: boolean;
  readonly hasShape: boolean;
}

/** For each ensemble tensor the sides that meet there, in the order in which Triton's core compares them. */
export function meetingsOf(model: ModelView): Map<string, Side[]> {
  const meetings = new Map<string, Side[]>();
  const add = (name: string, side: Side): void => {
    const sides = meetings.get(name);
    if (sides === undefined) meetings.set(name, [side]);
    else sides.push(side);
  };
  for (const kind of ['input', 'output'] as const) {
    (model.written[kind] ?? []).forEach((tensor: ModelInput, index) => {
      const label = `${kind} '${tensor.name}' of the ensemble`;
      const side = sideOf(tensor, backendDims(tensor), model.batches, `${kind}[${index}]`);
      if (tensor.name) add(tensor.name, { ...side, label, role: 'declares' });
    });
  }
  for (const step of stepsOf(model)) {
    if (step.member === undefined) continue;
    const { config, batches } = step.member;
    for (const [field, kind, role] of [
      ['input_map', 'input', 'consumes'],
      ['output_map', 'output', 'produces'],
    ] as const) {
      for (const { key, tensor: name, path } of mappings(step, field)) {
        const tensor: ModelInput | undefined = config[kind]?.find((one) => one.name === key);
        if (tensor === undefined) continue;
        const label = `${kind} '${key}' of ${step.modelName}`;
        add(name, { ...sideOf(tensor, dimsOf(tensor), batches, path), label, role });
      }
    }
  }
  return meetings;
}

function sideOf(tensor: ModelInput, dims: number[], batches: boolean, path: string): Omit<Side, 'label' | 'role'> {
  const hasShape = hasSoundDims(tensor);
  return { tensor, dims, batches, path, hasType: hasType(tensor.data_type), hasShape };
}
