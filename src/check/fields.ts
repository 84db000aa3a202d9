import { type DataType, dimsOf, type ModelConfig, type ModelInput, type ModelOutput } from '../config/index.ts';
import { datatypeFromConfig } from '../tensor/index.ts';

/** An input or output with the place where it is declared. */
export interface DeclaredTensor {
  readonly kind: 'input' | 'output';
  readonly index: number;
  /** `input[0]` */
  readonly path: string;
  readonly tensor: ModelInput & ModelOutput;
  /** `input 'x'`, or `input[0]` while it has no name. */
  readonly label: string;
}

/** All inputs, then all outputs. */
export function tensorsOf(config: ModelConfig): DeclaredTensor[] {
  const declare = (kind: 'input' | 'output') => (tensor: ModelInput & ModelOutput, index: number) => {
    const path = `${kind}[${index}]`;
    return { kind, index, path, tensor, label: tensor.name ? `${kind} '${tensor.name}'` : path };
  };
  return [...(config.input ?? []).map(declare('input')), ...(config.output ?? []).map(declare('output'))];
}

/** The shape that the backend sees: `reshape` where given, else `dims`; without the batch dimension. */
export function backendDims(tensor: ModelInput): number[] {
  return tensor.reshape ? dimsOf({ dims: tensor.reshape.shape ?? [] }) : dimsOf(tensor);
}

/** Whether a data type is given at all; Triton does not look at numbers without a name. */
export function hasType(type: DataType | undefined): type is DataType {
  return type !== undefined && type !== 'TYPE_INVALID' && type !== 0;
}

/** `FP32` for `TYPE_FP32`, `BYTES` for `TYPE_STRING`. */
export function shownType(type: DataType | undefined): string {
  return datatypeFromConfig(String(type))?.name ?? String(type ?? 'no type');
}

/** Whether dims are such that comparing them means something; the rules on dims report those that are not. */
export function hasSoundDims(tensor: ModelInput): boolean {
  const dims = dimsOf(tensor);
  return dims.length > 0 && dims.every(isSoundDimension);
}

export function isSoundDimension(dimension: number): boolean {
  return dimension >= 1 || dimension === -1;
}
