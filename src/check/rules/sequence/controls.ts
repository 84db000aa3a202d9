import type { ModelSequenceBatching_Control } from '../../../config/index.ts';
import type { ModelView } from '../../view.ts';

export const kinds = [
  'CONTROL_SEQUENCE_START',
  'CONTROL_SEQUENCE_READY',
  'CONTROL_SEQUENCE_END',
  'CONTROL_SEQUENCE_CORRID',
] as const;

export interface ControlView {
  readonly input: string;
  readonly path: string;
  readonly kind: string;
  readonly control: ModelSequenceBatching_Control;
}

/** Every control signal with the input that carries it; an absent kind is START. */
export function controlsOf(model: ModelView): ControlView[] {
  return (model.written.sequence_batching?.control_input ?? []).flatMap((input, at) =>
    (input.control ?? []).map((control, index) => ({
      input: input.name ?? '',
      path: `sequence_batching.control_input[${at}].control[${index}]`,
      kind: typeof control.kind === 'string' ? control.kind : (kinds[control.kind ?? 0] ?? String(control.kind)),
      control,
    })),
  );
}

/** The pairs of values that a control gives, by field, with their lengths. */
export function pairsOf(control: ModelSequenceBatching_Control): { field: string; length: number }[] {
  return (['int32_false_true', 'fp32_false_true', 'bool_false_true'] as const).flatMap((field) => {
    const length = control[field]?.length ?? 0;
    return length > 0 ? [{ field, length }] : [];
  });
}
