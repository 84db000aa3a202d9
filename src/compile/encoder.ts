import type { ProgressTask } from '../base/index.ts';
import type { Checkpoint } from '../checkpoint/index.ts';
import type { Target } from '../onnx/index.ts';
import type { CompiledModel } from './compiled.ts';

export interface EncoderOptions {
  readonly checkpoint: Checkpoint;
  /** The version folder; `model.onnx` is written into it. */
  readonly outDir: string;
  readonly target: Target;
  readonly progress?: ProgressTask;
  /** Weights go to `model.onnx.data` when all together exceed this many bytes. */
  readonly externalDataThreshold?: number;
}

export async function compileEncoder(options: EncoderOptions): Promise<CompiledModel> {
  throw new Error(options.outDir);
}
