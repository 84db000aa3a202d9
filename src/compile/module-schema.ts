import { z } from 'zod';
import { datatypeFromConfig, isDatatype } from '../tensor/index.ts';

/** Element types that PyTorch computes with. */
const torchTypes = ['BOOL', 'UINT8', 'INT8', 'INT16', 'INT32', 'INT64', 'FP16', 'BF16', 'FP32', 'FP64'];

const name = z.string().regex(/^[A-Za-z_]\w*$/, 'expected letters, digits and underscores');
const datatype = z.string().refine((text) => isDatatype(text) || datatypeFromConfig(text) !== undefined, {
  error: ({ input }) => `'${input}' is no element type of Triton, such as FP32 or INT64`,
});
const inputDatatype = z.string().refine((text) => torchTypes.includes(datatypeFromConfig(text)?.name ?? text), {
  error: ({ input }) => `'${input}' is no element type that Triton and PyTorch share: ${torchTypes.join(', ')}`,
});
const sample = z.record(z.string(), z.unknown());

/** The fields of a deployment's PyTorch module beside those that every model has. */
export const moduleFields = {
  module: z.union([
    z.string().regex(/\.py(:[A-Za-z_]\w*)?$/, 'expected a Python file and a class, such as ./net.py:Net'),
    z.strictObject({
      file: z.string().regex(/\.py$/, 'expected a Python file'),
      class: name.optional(),
      args: z.record(z.string(), z.unknown()).optional(),
    }),
  ]),
  state_dict: z.string().min(1).optional(),
  inputs: z
    .array(
      z.strictObject({
        name,
        datatype: inputDatatype,
        dims: z.array(z.union([z.int().min(-1), name])),
        range: z.tuple([z.number(), z.number()]).optional(),
      }),
    )
    .min(1),
  outputs: z
    .array(
      z.union([
        name,
        z.strictObject({ name, datatype: datatype.optional(), dims: z.array(z.int().min(-1)).optional() }),
      ]),
    )
    .optional(),
  formats: z
    .array(z.enum(['onnx', 'torchscript']))
    .min(1)
    .optional(),
  sample: z.union([sample, z.array(sample)]).optional(),
  seed: z.int().min(0).optional(),
  timeout_seconds: z.number().positive().optional(),
};
