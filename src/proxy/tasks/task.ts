import type { ModelConfig } from '../../config/index.ts';
import type { ModelInterface, TensorInterface } from '../interface.ts';
import type { DirectText } from '../text/pipeline.ts';

export type TaskName = 'classify' | 'embed' | 'rerank' | 'tokens';

/** What a model is for, beyond its tensors; it decides which further routes it has. */
export type ModelTask =
  | { readonly name: 'classify'; readonly output: string }
  /** `pooled`: a vector for each text comes out of the model; else one for each token, to be pooled here. */
  | { readonly name: 'embed'; readonly output: string; readonly size: number; readonly pooled: boolean }
  /** `raw`: the score is meant as it is, without a sigmoid. */
  | { readonly name: 'rerank'; readonly output: string; readonly pair: string; readonly raw: boolean }
  | { readonly name: 'tokens'; readonly output: string; readonly labels: readonly string[] };

/**
 * The task of a text model. What conch compiles says it (`conch.task`, by the Hugging Face hub's names); of other models
 * their tensors do. Tokens and vectors for tokens need the tokenizer in the proxy: without it nobody knows which rows are
 * padding, nor where a token stands in its text.
 */
export function taskOf(
  model: ModelInterface,
  config: ModelConfig,
  text: DirectText | undefined,
  encoder: ModelConfig | undefined,
): ModelTask | undefined {
  const parameter = (name: string) =>
    config.parameters?.[name]?.string_value ?? encoder?.parameters?.[name]?.string_value;
  const said = parameter('conch.task');
  const output = model.outputs[0];
  if (!output || model.outputs.length > 1 || !isFloat(output)) return undefined;
  const [first = -1, last = -1] = output.dims;
  const isVector = output.dims.length === 1 && first > 0;
  const isRows = output.dims.length === 2 && first === -1 && last > 0;
  const texts = model.inputs.filter(({ datatype, dims }) => datatype === 'BYTES' && dims.length === 1 && dims[0] === 1);
  if (texts.length !== model.inputs.length) return undefined;
  const pair = texts.find(({ name }) => name === 'text_pair');

  if (pair && isVector && first === 1 && (said === undefined || said === 'text-ranking')) {
    const raw = parameter('conch.score_activation')?.endsWith('Identity') ?? false;
    return { name: 'rerank', output: output.name, pair: pair.name, raw };
  }
  if (texts.length !== 1) return undefined;
  if (model.classes) return { name: 'classify', output: output.name };
  if (isVector && (said === 'sentence-similarity' || (said === undefined && output.name === 'sentence_embedding'))) {
    return { name: 'embed', output: output.name, size: first, pooled: true };
  }
  if (!isRows || !text) return undefined;
  if (said === 'feature-extraction' || (said === undefined && output.name === 'last_hidden_state')) {
    return { name: 'embed', output: output.name, size: last, pooled: false };
  }
  const labels = labelsIn(parameter('conch.labels'), last);
  return said === 'token-classification' ? { name: 'tokens', output: output.name, labels } : undefined;
}

function isFloat({ datatype }: TensorInterface): boolean {
  return datatype === 'FP32' || datatype === 'FP16' || datatype === 'BF16' || datatype === 'FP64';
}

/** The names in `conch.labels`, a JSON list; transformers' own where it does not name all. */
function labelsIn(text: string | undefined, count: number): string[] {
  let given: unknown;
  try {
    given = JSON.parse(text ?? '');
  } catch {
    // Not a list of names; nothing more is known.
  }
  const names = Array.isArray(given) ? given : [];
  return Array.from({ length: count }, (_, at) => (typeof names[at] === 'string' ? names[at] : `LABEL_${at}`));
}
