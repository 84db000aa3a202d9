import { join } from 'node:path';
import type { ProgressTask } from '../base/index.ts';
import type { Checkpoint } from '../checkpoint/index.ts';
import type { Target } from '../onnx/index.ts';
import { architectureOf } from './architectures/index.ts';
import type { CompiledModel } from './compiled.ts';
import { startGraph, writeGraph } from './graph-file.ts';

export interface EncoderOptions {
  readonly checkpoint: Checkpoint;
  /** The version folder; `model.onnx` is written into it. */
  readonly outDir: string;
  readonly target: Target;
  readonly progress?: ProgressTask;
  /** Weights go to `model.onnx.data` when all together exceed this many bytes. */
  readonly externalDataThreshold?: number;
}

/**
 * Compiles a Hugging Face encoder to FP32 ONNX in the padded layout: INT64 `input_ids`, `attention_mask` (and
 * `token_type_ids` where the model takes them) of [batch, sequence]; `logits` [batch, labels] or `last_hidden_state`
 * [batch, sequence, hidden]. Weights stream from file to file. Throws CHECKPOINT_UNSUPPORTED or CHECKPOINT_INVALID
 * naming the field or tensor, before anything is written.
 */
export async function compileEncoder(options: EncoderOptions): Promise<CompiledModel> {
  const { checkpoint, target } = options;
  const architecture = architectureOf(checkpoint);
  const graph = startGraph(checkpoint.architecture, target);
  const { maxLength, parameters, labels } = architecture.build(graph, checkpoint);
  const written = await writeGraph(join(options.outDir, 'model.onnx'), graph, options);
  return { ...written, parameters, maxLength, ...(labels && { labels }) };
}
