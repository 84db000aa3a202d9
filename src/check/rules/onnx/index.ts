import type { Rule } from '../../rule.ts';
import { accelerator } from './accelerator.ts';
import { autoBatch } from './auto-batch.ts';
import { batchDimension } from './batch-dimension.ts';
import { controlInput } from './control-input.ts';
import { datatype } from './datatype.ts';
import { externalData } from './external-data.ts';
import { inputMissing } from './input-missing.ts';
import { inputRepeated } from './input-repeated.ts';
import { irVersion } from './ir-version.ts';
import { opLibrary } from './op-library.ts';
import { operatorDomain } from './operator-domain.ts';
import { opset } from './opset.ts';
import { optional } from './optional.ts';
import { parameter } from './parameter.ts';
import { ragged } from './ragged.ts';
import { shape } from './shape.ts';
import { unknownTensor } from './unknown-tensor.ts';
import { unreadable } from './unreadable.ts';
import { valueType } from './value-type.ts';

/** The config beside the ONNX file, and the file beside the target's ONNX Runtime. */
export const onnxRules: readonly Rule[] = [
  unreadable,
  irVersion,
  opset,
  operatorDomain,
  opLibrary,
  externalData,
  valueType,
  unknownTensor,
  inputMissing,
  inputRepeated,
  datatype,
  batchDimension,
  shape,
  ragged,
  optional,
  controlInput,
  autoBatch,
  parameter,
  accelerator,
];
