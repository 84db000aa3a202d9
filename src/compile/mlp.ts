import type { ProgressTask } from '../base/index.ts';
import type { Target } from '../onnx/index.ts';
import type { CompiledModel } from './compiled.ts';

/** Element-wise functions that may follow a layer; names as in Hugging Face's `hidden_act`. */
export type Activation = 'identity' | 'relu' | 'gelu' | 'gelu_new' | 'gelu_pytorch_tanh' | 'silu' | 'tanh' | 'sigmoid';

/** One `torch.nn.Linear`: tensors `<name>.weight` [out, in] and, where the file has it, `<name>.bias` [out]. */
export interface MlpLayer {
  readonly name: string;
  readonly activation?: Activation;
}

export interface MlpOptions {
  /** Path of the safetensors file. */
  readonly weights: string;
  readonly layers: readonly MlpLayer[];
  /** Tensor names of the compiled model; `x` and `prediction` unless given. */
  readonly input?: string;
  readonly output?: string;
  /** The version folder; `model.onnx` is written into it. */
  readonly outDir: string;
  readonly target: Target;
  readonly progress?: ProgressTask;
  readonly externalDataThreshold?: number;
}

export async function compileMlp(options: MlpOptions): Promise<CompiledModel> {
  throw new Error(options.outDir);
}
