export { decodeBytes, decodeStrings, encodeBytes, stringTensor } from './bytes.ts';
export {
  type ConfigDatatype,
  type Datatype,
  type DatatypeInfo,
  datatypeFromConfig,
  datatypeFromOnnx,
  datatypeFromSafetensors,
  datatypes,
  isDatatype,
} from './datatypes.ts';
export { bfloat16ToNumber, halfToNumber, numberToBfloat16, numberToHalf } from './half.ts';
export { newFloats } from './memory.ts';
export { bytesOf, createTensor, elementCount, type Tensor, type TensorData, viewBytes } from './tensor.ts';
export { type TensorValue, tensorOf, valuesOf } from './values.ts';
