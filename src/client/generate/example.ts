import type { Datatype } from '../../tensor/index.ts';
import type { ModelSignature, TensorSignature } from '../typed/signature.ts';

/** A tensor that an example request sends: what varies is 1. */
export interface ExampleTensor extends TensorSignature {
  readonly name: string;
  readonly count: number;
}

export function exampleInputs({ inputs }: ModelSignature): ExampleTensor[] {
  return Object.entries(inputs)
    .filter(([, { optional }]) => !optional)
    .map(([name, tensor]) => {
      const shape = tensor.shape.map((dim) => (dim < 0 ? 1 : dim));
      return { ...tensor, name, shape, count: shape.reduce((product, dim) => product * dim, 1) };
    });
}

/** Whether JSON can carry a data type at all. */
export function fitsJson(datatype: Datatype): boolean {
  return datatype !== 'FP16' && datatype !== 'BF16';
}
