import type { ModelConfig } from '../../config/index.ts';
import { type Datatype, datatypeFromConfig, encodeBytes, type Tensor, viewBytes } from '../../tensor/index.ts';
import type { CorrelationId } from './correlation.ts';
import { controlType, kindOf } from './signature.ts';

/** Where a request stands in its sequence; a filler, which stands for an empty slot, is none of the three. */
export interface ControlSignals {
  readonly start: boolean;
  readonly end: boolean;
  readonly ready: boolean;
}

interface BooleanControl {
  readonly signal: keyof ControlSignals;
  readonly no: Tensor;
  readonly yes: Tensor;
}

const signals = { START: 'start', END: 'end', READY: 'ready' } as const;

/** The control inputs of a sequence model: which signals it wants, and the tensors that carry them. */
export class SequenceControls {
  /** The type in which the model wants the sequence's id, where it does. */
  readonly correlation: { readonly name: string; readonly datatype: Datatype } | undefined;
  readonly #booleans: readonly BooleanControl[];
  readonly #shape: readonly number[];

  /** The config must have been validated: every control has one pair of values or, for CORRID, a type. */
  constructor(config: ModelConfig) {
    this.#shape = (config.max_batch_size ?? 0) > 0 ? [1, 1] : [1];
    const all = (config.sequence_batching?.control_input ?? []).flatMap(({ name = '', control = [] }) =>
      control.map((one) => ({ name, control: one, kind: kindOf(one) })),
    );
    this.#booleans = (['START', 'END', 'READY'] as const).flatMap((kind) => {
      const found = all.find((one) => one.kind === kind);
      if (!found) return [];
      const { int32_false_true: int32, fp32_false_true: fp32, bool_false_true: bool } = found.control;
      const pair = (int32?.length ? int32 : fp32?.length ? fp32 : bool)!;
      const datatype = datatypeFromConfig(controlType(found.control)!)!.name;
      const [no, yes] = pair.map((value) => this.#tensor(found.name, datatype, value));
      return [{ signal: signals[kind], no: no!, yes: yes! }];
    });
    const corrid = all.find(({ kind }) => kind === 'CORRID');
    const type = corrid && datatypeFromConfig(String(corrid.control.data_type));
    this.correlation = corrid && type && { name: corrid.name, datatype: type.name };
  }

  /** Shapes `[1]`, with the batch dimension `[1,1]`; without an id, as in fillers, CORRID is 0 or the empty text. */
  tensors(position: ControlSignals, id: CorrelationId | undefined): Tensor[] {
    const tensors = this.#booleans.map(({ signal, no, yes }) => (position[signal] ? yes : no));
    if (this.correlation) tensors.push(this.#correlationTensor(this.correlation, id));
    return tensors;
  }

  #tensor(name: string, datatype: Datatype, value: number | boolean): Tensor {
    const data =
      datatype === 'FP32'
        ? Float32Array.of(Number(value))
        : datatype === 'INT32'
          ? Int32Array.of(Number(value))
          : Uint8Array.of(value ? 1 : 0);
    return { name, datatype, shape: this.#shape, data };
  }

  /** Narrow types carry the low 32 bits, those with sign the same bits. */
  #correlationTensor(
    { name, datatype }: { readonly name: string; readonly datatype: Datatype },
    id: CorrelationId | undefined,
  ): Tensor {
    if (datatype === 'BYTES') {
      return { name, datatype, shape: this.#shape, data: encodeBytes([typeof id === 'string' ? id : '']) };
    }
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, typeof id === 'bigint' ? id : 0n, true);
    const wide = datatype === 'UINT64' || datatype === 'INT64';
    return { name, datatype, shape: this.#shape, data: viewBytes(datatype, wide ? bytes : bytes.slice(0, 4)) };
  }
}
