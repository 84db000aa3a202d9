import { type Datatype, datatypes, elementCount, type Tensor, viewBytes } from '../tensor/index.ts';

/** A tensor of zeros; text becomes empty strings, each a length of 0. */
export function zeroTensor({
  name,
  datatype,
  shape,
}: {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
}): Tensor {
  const bytes = elementCount(shape) * (datatypes[datatype].size || 4);
  return { name, datatype, shape, data: viewBytes(datatype, new Uint8Array(bytes)) };
}
