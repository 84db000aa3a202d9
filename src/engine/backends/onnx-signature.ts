import { ConchError } from '../../base/index.ts';
import { dimsOf, type ModelConfig, type ModelInput, type ModelOutput, toInteger } from '../../config/index.ts';
import type { OnnxSummary, OnnxTensorInfo } from '../../onnx/index.ts';
import { datatypeFromConfig } from '../../tensor/index.ts';
import { sequenceInputs, stateOutputs } from '../sequence/signature.ts';
import { scatterPlans } from './onnx-layout.ts';
import { onnxTypes } from './onnx-types.ts';

type Shape = NonNullable<OnnxTensorInfo['shape']>;

/**
 * Refuses a config that the ONNX file contradicts, by the checks that Triton's ONNX Runtime backend makes when it
 * creates an instance; throws MODEL_LOAD_FAILED naming the tensor and both sides.
 */
export function checkSignature(config: ModelConfig, onnx: OnnxSummary): void {
  const inputs = [...(config.input ?? []), ...sequenceInputs(config)];
  const required = inputs.filter((input) => !input.optional);
  for (const input of inputs) {
    if (input.optional && batches(config)) {
      throw mismatch('input', input.name, 'optional inputs need max_batch_size 0 with ONNX Runtime');
    }
    if (onnx.overridable.includes(input.name ?? '')) {
      throw new ConchError(
        'NOT_SUPPORTED',
        `input '${input.name}' is an initializer with a default, which ONNX Runtime's Node binding cannot feed`,
        {
          where: { path: `input["${input.name}"]` },
          fix: 'leave it out of the config to use its default, or serve the model with Triton',
        },
      );
    }
    checkTensor('input', input, onnx.inputs, config);
  }
  checkBatchInputs(config, onnx.inputs);
  const made = config.batch_input ?? [];
  if (required.length + made.length !== onnx.inputs.length) {
    const targets = made.flatMap(({ target_name = [] }) => target_name);
    const missing = onnx.inputs.filter(
      ({ name }) => !required.some((input) => input.name === name) && !targets.includes(name),
    );
    throw new ConchError(
      'MODEL_LOAD_FAILED',
      `the model takes ${onnx.inputs.length} inputs, the config lists ${required.length}` +
        (made.length > 0 ? ` and ${made.length} batch_input` : '') +
        (missing.length > 0 ? `; missing: ${missing.map((tensor) => `'${tensor.name}'`).join(', ')}` : ''),
      { where: { path: 'input' }, fix: 'list every input of the model once' },
    );
  }
  checkBatchOutputs(config);
  for (const output of [...(config.output ?? []), ...stateOutputs(config)])
    checkTensor('output', output, onnx.outputs, config);
}

/** What the batch makes must be something that the model takes: Triton finds out at every request. */
function checkBatchInputs(config: ModelConfig, tensors: readonly OnnxTensorInfo[]): void {
  for (const [index, { target_name = [], data_type: type, kind }] of (config.batch_input ?? []).entries()) {
    const refuse = (what: string): never => {
      throw new ConchError('MODEL_LOAD_FAILED', `batch_input '${target_name.join("', '")}': ${what}`, {
        where: { path: `batch_input[${index}]` },
      });
    };
    for (const name of target_name) {
      const tensor = tensors.find((candidate) => candidate.name === name);
      if (!tensor) refuse(`the model has no such input; it has ${quoted(tensors)}`);
      const { datatype, shape } = tensor!;
      if (datatypeFromConfig(String(type))?.name !== datatype)
        refuse(`the config says ${type}, the model has TYPE_${datatype}`);
      const rank = kind === 'BATCH_ITEM_SHAPE' ? 2 : 1;
      if (shape && shape.length !== rank) refuse(`it is of rank ${rank}, the model has [${shape.map(sizeOf)}]`);
    }
  }
}

function checkBatchOutputs(config: ModelConfig): void {
  for (const [name, { source, shape }] of scatterPlans(config, batches(config))) {
    const input = config.input?.find((other) => other.name === source);
    const dims = input?.reshape ? (input.reshape.shape ?? []) : (input?.dims ?? []);
    const rank = dims.length + (batches(config) ? 1 : 0);
    const beyond = shape.findIndex((dim, index) => dim === -1 && index >= rank);
    if (beyond >= 0) {
      throw mismatch(
        'output',
        name,
        `its dimension ${beyond} is to be that of input '${source}', which has only ${rank}`,
      );
    }
  }
}

function checkTensor(
  side: 'input' | 'output',
  declared: ModelInput | ModelOutput,
  tensors: readonly OnnxTensorInfo[],
  config: ModelConfig,
): void {
  const { name, data_type: type } = declared;
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (!tensor) throw mismatch(side, name, `the model has no such ${side}; it has ${quoted(tensors)}`);
  if (!tensor.datatype || !onnxTypes[tensor.datatype]) {
    throw mismatch(side, name, `ONNX Runtime's Node binding does not carry ${tensor.datatype ?? 'this kind of value'}`);
  }
  const expected = datatypeFromConfig(String(type));
  if (expected?.name !== tensor.datatype) {
    throw mismatch(
      side,
      name,
      `the config says ${type}, the model has TYPE_${tensor.datatype === 'BYTES' ? 'STRING' : tensor.datatype}`,
    );
  }
  if (side === 'input' && (declared as ModelInput).allow_ragged_batch) {
    checkRagged(declared, tensor);
    return;
  }
  // Its elements are dealt out whatever its shape.
  const scattered = config.batch_output?.some(({ target_name }) => target_name?.includes(name!));
  if (side === 'output' && scattered) return;
  if (tensor.shape) checkShape(side, declared, tensor.shape, batches(config));
}

function checkRagged(input: ModelInput, { shape }: OnnxTensorInfo): void {
  const { name, optional } = input;
  if (optional) throw mismatch('input', name, 'a ragged input cannot be optional');
  if (!shape || (shape.length === 1 && sizeOf(shape[0]) === -1)) return;
  throw mismatch('input', name, `ragged: the model must take it as [-1], it has [${shape.map(sizeOf)}]`);
}

function quoted(tensors: readonly OnnxTensorInfo[]): string {
  return tensors.map(({ name }) => `'${name}'`).join(', ') || 'none';
}

function checkShape(
  side: 'input' | 'output',
  declared: ModelInput | ModelOutput,
  shape: Shape,
  batched: boolean,
): void {
  const dims = declared.reshape ? (declared.reshape.shape ?? []).map(Number) : dimsOf(declared);
  const full = batched ? [-1, ...dims] : dims;
  const both = `the config says ${show(full, batched)}, the model has ${show(shape.map(sizeOf), batched)}`;
  if (batched && (shape.length === 0 || typeof shape[0] === 'number')) {
    throw mismatch(
      side,
      declared.name,
      `max_batch_size is above 0, but the model's first dimension is not dynamic: ${both}`,
    );
  }
  if (!batched && shape.length === 0) {
    if (dims.some((dim) => dim !== 1))
      throw mismatch(side, declared.name, `the model has a scalar here: dims must be [ 1 ], not [${dims}]`);
    return;
  }
  if (full.length !== shape.length) throw mismatch(side, declared.name, `ranks differ: ${both}`);
  full.forEach((dim, index) => {
    const size = sizeOf(shape[index]);
    const agrees = size === -1 ? side === 'input' || dim === -1 : dim === size;
    if (!agrees) throw mismatch(side, declared.name, both);
  });
}

function batches(config: ModelConfig): boolean {
  return toInteger(config.max_batch_size) > 0;
}

function sizeOf(dim: Shape[number]): number {
  return typeof dim === 'number' ? dim : -1;
}

/** `[batch,10]`: a full shape with the batch dimension marked. */
function show(shape: readonly number[], batched: boolean): string {
  return `[${shape.map((dim, index) => (batched && index === 0 ? (dim === -1 ? 'batch' : `batch=${dim}`) : dim)).join(',')}]`;
}

function mismatch(side: 'input' | 'output', name: string | undefined, what: string): ConchError {
  return new ConchError('MODEL_LOAD_FAILED', `${side} '${name}': ${what}`, { where: { path: `${side}["${name}"]` } });
}
