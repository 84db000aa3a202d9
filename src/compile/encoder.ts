import { join } from 'node:path';
import type { ProgressTask } from '../base/index.ts';
import type { Checkpoint } from '../checkpoint/index.ts';
import type { Target } from '../onnx/index.ts';
import { buildEncoder, type Layout, textLengths } from './architectures/index.ts';
import type { CompiledModel } from './compiled.ts';
import { graphFacts, startGraph, writeGraph } from './graph-file.ts';
import { readSentenceModules } from './sentence-modules.ts';

export interface EncoderOptions {
  readonly checkpoint: Checkpoint;
  /** The version folder; `model.onnx` is written into it. */
  readonly outDir: string;
  readonly target: Target;
  /** `padded` unless given. */
  readonly layout?: Layout;
  readonly progress?: ProgressTask;
  /** Weights go to `model.onnx.data` when all together exceed this many bytes. */
  readonly externalDataThreshold?: number;
}

/**
 * Compiles a Hugging Face encoder to FP32 ONNX. What it answers follows from the checkpoint's class, or from
 * sentence-transformers' modules.json: `logits` [batch, labels], `logits` [batch, sequence, labels],
 * `sentence_embedding` [batch, size] or `last_hidden_state` [batch, sequence, hidden].
 *
 * Padded, it takes INT64 `input_ids`, `attention_mask` (and `token_type_ids` where the model knows several) of
 * [batch, sequence]; packed, the same as one run of [tokens] with INT32 `text_lengths` [batch], and token-level outputs
 * are [tokens, size]. Weights stream from file to file. Throws CHECKPOINT_UNSUPPORTED or CHECKPOINT_INVALID naming the
 * field or tensor, before anything is written.
 */
export async function compileEncoder(options: EncoderOptions): Promise<CompiledModel> {
  const { checkpoint, target, layout = 'padded' } = options;
  const sentence = await readSentenceModules(checkpoint);
  const graph = startGraph(checkpoint.architecture, target);
  const { perToken, ...facts } = buildEncoder(graph, checkpoint, { layout, sentence });
  const written = await writeGraph(join(options.outDir, 'model.onnx'), graph, options);
  if (layout === 'padded') return { ...written, ...facts, layout };
  return { ...written, ...asSent(written, perToken), ...facts, layout, perToken };
}

/** What `compileEncoder` would say of a padded encoder, without writing it. */
export async function describeEncoder({
  checkpoint,
  target,
}: Pick<EncoderOptions, 'checkpoint' | 'target'>): Promise<Omit<CompiledModel, 'files' | 'bytes'>> {
  const graph = startGraph(checkpoint.architecture, target);
  const sentence = await readSentenceModules(checkpoint);
  const { perToken: _, ...facts } = buildEncoder(graph, checkpoint, { layout: 'padded', sentence });
  return { ...graphFacts(graph), ...facts, layout: 'padded' };
}

/** The tensors of a packed graph as a request has them: one dimension more where they are a run of tokens. */
function asSent({ inputs, outputs }: Pick<CompiledModel, 'inputs' | 'outputs'>, perToken: readonly string[]) {
  return {
    inputs: inputs.filter(({ name }) => name !== textLengths).map((input) => ({ ...input, dims: [-1] })),
    outputs: outputs.map((output) =>
      perToken.includes(output.name) ? { ...output, dims: [-1, ...output.dims] } : output,
    ),
  };
}
