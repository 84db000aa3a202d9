import type { ModelConfig, ModelInput } from '../../../config/index.ts';
import type { OnnxSummary, OnnxTensorInfo } from '../../../onnx/index.ts';
import { type DeclaredTensor, tensorsOf } from '../../fields.ts';
import type { ModelView } from '../../view.ts';

/** A tensor of the config beside the one of the ONNX file that has its name. */
export interface Match extends DeclaredTensor {
  readonly info: OnnxTensorInfo;
  /** `1/model.onnx`-like prefix for messages, only when several versions are served. */
  readonly where: string;
}

/** Each input and output of the config that the ONNX file has, in every version that is served. */
export function matchesOf(model: ModelView): Match[] {
  return model.onnx.flatMap(({ version, summary }) =>
    tensorsOf(model.config).flatMap((declared): Match[] => {
      const info = summary[declared.kind === 'input' ? 'inputs' : 'outputs'].find(
        (one) => one.name === declared.tensor.name,
      );
      return info === undefined ? [] : [{ ...declared, info, where: inVersion(model, version.folder) }];
    }),
  );
}

/** ` (version 2)` where several versions are served, nothing otherwise. */
export function inVersion(model: ModelView, folder: string): string {
  return model.versions.length > 1 ? ` (version ${folder})` : '';
}

/** An input that Triton feeds to the model without a client: sequence controls, states, tensors computed for a batch. */
export interface FedInput {
  readonly name: string;
  readonly path: string;
  readonly source: 'batch_input' | 'control_input' | 'state';
}

export function fedInputs({ batch_input, sequence_batching }: ModelConfig): FedInput[] {
  return [
    ...(batch_input ?? []).flatMap(({ target_name = [] }, index) =>
      target_name.map(
        (name, at): FedInput => ({ name, path: `batch_input[${index}].target_name[${at}]`, source: 'batch_input' }),
      ),
    ),
    ...(sequence_batching?.control_input ?? []).map(
      ({ name = '' }, index): FedInput => ({
        name,
        path: `sequence_batching.control_input[${index}].name`,
        source: 'control_input',
      }),
    ),
    ...(sequence_batching?.state ?? []).map(
      ({ input_name = '' }, index): FedInput => ({
        name: input_name,
        path: `sequence_batching.state[${index}].input_name`,
        source: 'state',
      }),
    ),
  ];
}

/** Every name that a config may give to an input: those that must be fed and those with a default in the file. */
export function inputNames(summary: OnnxSummary): string[] {
  return [...summary.inputs.map((one) => one.name), ...summary.overridable];
}

export function isRagged(model: ModelView, input: ModelInput): boolean {
  return (input.allow_ragged_batch ?? false) && model.batches;
}
