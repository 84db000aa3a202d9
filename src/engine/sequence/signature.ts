import type { ModelConfig, ModelInput, ModelOutput, ModelSequenceBatching_Control } from '../../config/index.ts';

export type ControlKind = 'START' | 'READY' | 'END' | 'CORRID';

const kinds: readonly ControlKind[] = ['START', 'READY', 'END', 'CORRID'];

/** A control's kind by its short name; an absent one is START, the first of the enumeration. */
export function kindOf({ kind }: ModelSequenceBatching_Control): ControlKind | undefined {
  if (typeof kind === 'number' || kind === undefined) return kinds[kind ?? 0];
  return kinds.find((name) => kind === `CONTROL_SEQUENCE_${name}`);
}

/** The config's name of a control's element type: that of its pair of values, or what CORRID declares. */
export function controlType(control: ModelSequenceBatching_Control): string | undefined {
  if (control.int32_false_true?.length) return 'TYPE_INT32';
  if (control.fp32_false_true?.length) return 'TYPE_FP32';
  if (control.bool_false_true?.length) return 'TYPE_BOOL';
  return control.data_type === undefined ? undefined : String(control.data_type);
}

/**
 * The inputs that a model has beyond those of its config's `input`, which clients never send: control signals of one
 * value a request, and the states that the scheduler keeps.
 */
export function sequenceInputs(config: ModelConfig): ModelInput[] {
  const { control_input = [], state = [] } = config.sequence_batching ?? {};
  const controls = control_input.flatMap(({ name, control = [] }) => {
    const type = control.map(controlType).find((one) => one !== undefined);
    return name && type ? [{ name, data_type: type as never, dims: [1] }] : [];
  });
  const states = state.map(({ input_name, data_type, dims }) => ({ name: input_name, data_type, dims }));
  return [...controls, ...states] as ModelInput[];
}

/** The outputs that carry new states; those that the config's `output` lists too go to clients as well. */
export function stateOutputs(config: ModelConfig): ModelOutput[] {
  const { state = [] } = config.sequence_batching ?? {};
  return state.map(({ output_name, data_type, dims }) => ({ name: output_name, data_type, dims })) as ModelOutput[];
}
