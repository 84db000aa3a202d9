// Written by `conch client generate` from a model repository; write it anew when the models change.
import { defineModel, type InputsOf, type OutputsOf } from 'conch-triton/client';

/** Model `class`; up to 2 rows a request; its requests belong to sequences */
export const class2 = defineModel({
  name: 'class',
  maxBatchSize: 2,
  stateful: true,
  inputs: {
    'image data': { datatype: 'FP32', shape: [-1, -1, -1, 3] },
  },
  outputs: {
    'it\'s': { datatype: 'FP32', shape: [-1, 20] },
  },
});
export type Class2Inputs = InputsOf<typeof class2.signature>;
export type Class2Outputs = OutputsOf<typeof class2.signature>;

/** Model `count`; no batch dimension; any number of responses: use stream */
export const count = defineModel({
  name: 'count',
  maxBatchSize: 0,
  decoupled: true,
  inputs: {
    N: { datatype: 'INT32', shape: [1] },
    SEED: { datatype: 'INT32', shape: [1], optional: true },
  },
  outputs: {
    PART: { datatype: 'INT32', shape: [1] },
  },
});
export type CountInputs = InputsOf<typeof count.signature>;
export type CountOutputs = OutputsOf<typeof count.signature>;

/** Model `every-type.v2`; up to 4 rows a request */
export const everyTypeV2 = defineModel({
  name: 'every-type.v2',
  maxBatchSize: 4,
  inputs: {
    in_bool: { datatype: 'BOOL', shape: [-1, 2] },
    in_uint8: { datatype: 'UINT8', shape: [-1, 2] },
    in_uint16: { datatype: 'UINT16', shape: [-1, 2] },
    in_uint32: { datatype: 'UINT32', shape: [-1, 2] },
    in_uint64: { datatype: 'UINT64', shape: [-1, 2] },
    in_int8: { datatype: 'INT8', shape: [-1, 2] },
    in_int16: { datatype: 'INT16', shape: [-1, 2] },
    in_int32: { datatype: 'INT32', shape: [-1, 2] },
    in_int64: { datatype: 'INT64', shape: [-1, 2] },
    in_float16: { datatype: 'FP16', shape: [-1, 2] },
    in_float: { datatype: 'FP32', shape: [-1, 2] },
    in_double: { datatype: 'FP64', shape: [-1, 2] },
    in_string: { datatype: 'BYTES', shape: [-1, 2] },
  },
  outputs: {
    out_bool: { datatype: 'BOOL', shape: [-1, 2] },
    out_uint8: { datatype: 'UINT8', shape: [-1, 2] },
    out_uint16: { datatype: 'UINT16', shape: [-1, 2] },
    out_uint32: { datatype: 'UINT32', shape: [-1, 2] },
    out_uint64: { datatype: 'UINT64', shape: [-1, 2] },
    out_int8: { datatype: 'INT8', shape: [-1, 2] },
    out_int16: { datatype: 'INT16', shape: [-1, 2] },
    out_int32: { datatype: 'INT32', shape: [-1, 2] },
    out_int64: { datatype: 'INT64', shape: [-1, 2] },
    out_float16: { datatype: 'FP16', shape: [-1, 2] },
    out_float: { datatype: 'FP32', shape: [-1, 2] },
    out_double: { datatype: 'FP64', shape: [-1, 2] },
    out_string: { datatype: 'BYTES', shape: [-1, 2] },
  },
});
export type EveryTypeV2Inputs = InputsOf<typeof everyTypeV2.signature>;
export type EveryTypeV2Outputs = OutputsOf<typeof everyTypeV2.signature>;

/** Model `mlp`; up to 8 rows a request */
export const mlp = defineModel({
  name: 'mlp',
  maxBatchSize: 8,
  inputs: {
    x: { datatype: 'FP32', shape: [-1, 10] },
  },
  outputs: {
    prediction: { datatype: 'FP32', shape: [-1, 1] },
  },
});
export type MlpInputs = InputsOf<typeof mlp.signature>;
export type MlpOutputs = OutputsOf<typeof mlp.signature>;
