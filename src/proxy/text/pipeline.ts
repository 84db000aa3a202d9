import { type ModelConfig, toInteger } from '../../config/index.ts';
import type { EncodedBatch, TextTokenizer } from '../../text/index.ts';
import type { ModelInterface, TensorInterface } from '../interface.ts';

/** What a tokenizer gives, by the names of its outputs. */
export type Encoding = Exclude<keyof EncodedBatch, 'batch' | 'length'>;
const encodings: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids'] satisfies Encoding[];

/** An ensemble that is a tokenizer and an encoder behind it, so that whoever has the tokenizer can ask the encoder. */
export interface TextPipeline {
  /** The tokenizer's model. */
  readonly tokenizer: string;
  /** Its input for the text. */
  readonly tokenizerInput: string;
  /** Its parameter `max_length`, where it has one. */
  readonly maxLength: number | undefined;
  readonly encoder: ModelInterface;
  /** The version that the ensemble names; the newest unless it does. */
  readonly encoderVersion: string | undefined;
  /** The encoder's inputs, and what the tokenizer gives for each. */
  readonly inputs: readonly { readonly name: string; readonly encoding: Encoding }[];
  /** The encoder's outputs by name, as the ensemble calls them. */
  readonly outputs: ReadonlyMap<string, TensorInterface>;
  /** Inputs of the ensemble: the text, and the one that it is compared with where there is one. */
  readonly text: string;
  readonly pair: string | undefined;
  /** The encoder drops padding at its entrance, so that lengths may be mixed for nothing. */
  readonly packed: boolean;
  /** Tokens that a batch may have, its rows times the longest. */
  readonly maxTokens: number;
  readonly instances: number;
}

/** A pipeline whose tokenizer runs in the proxy. */
export interface DirectText {
  readonly pipeline: TextPipeline;
  readonly tokenizer: TextTokenizer;
}

/** As a packed model's own budget where its configuration says nothing. */
const defaultMaxTokens = 2048;

/**
 * The pipeline that an ensemble is, by its configuration: one step takes the ensemble's texts and gives what tokenizers
 * give, the other one takes nothing else and gives all of the ensemble's outputs. Undefined for any other model.
 */
export async function textPipeline(
  source: {
    readonly config: (model: string) => Promise<ModelConfig>;
    readonly describe: (model: string) => Promise<ModelInterface>;
  },
  model: ModelInterface,
  config: ModelConfig,
): Promise<TextPipeline | undefined> {
  const steps = config.ensemble_scheduling?.step ?? [];
  if (steps.length !== 2) return undefined;
  const given = new Set(model.inputs.map(({ name }) => name));
  const isFirst = (step: (typeof steps)[number]) =>
    Object.values(step.input_map ?? {}).every((name) => given.has(name));
  const first = steps.find(isFirst);
  const last = steps.find((step) => step !== first);
  if (!first?.model_name || !last?.model_name) return undefined;

  // The ensemble's tensors by the tokenizer's names.
  const encodingOf = new Map(Object.entries(first.output_map ?? {}).map(([output, tensor]) => [tensor, output]));
  const inputs = Object.entries(last.input_map ?? {}).map(([name, tensor]) => ({
    name,
    encoding: encodingOf.get(tensor) as Encoding,
  }));
  if (inputs.length === 0 || inputs.some(({ encoding }) => !encodings.includes(encoding))) return undefined;

  const outputOf = new Map(Object.entries(last.output_map ?? {}).map(([output, tensor]) => [tensor, output]));
  const outputs = new Map<string, TensorInterface>();
  for (const output of model.outputs) {
    const source = outputOf.get(output.name);
    if (source === undefined) return undefined;
    outputs.set(source, output);
  }
  const texts = new Map(Object.entries(first.input_map ?? {}));
  if (model.inputs.some(({ datatype }) => datatype !== 'BYTES')) return undefined;
  const text = texts.get('text') ?? (texts.size === 1 ? [...texts.values()][0] : undefined);
  if (text === undefined || texts.size > 2 || (texts.size === 2 && !texts.has('text_pair'))) return undefined;

  const [tokenizerConfig, encoderConfig, encoder] = await Promise.all([
    source.config(first.model_name),
    source.config(last.model_name),
    source.describe(last.model_name),
  ]);
  const number = (name: string, of: ModelConfig) => {
    const value = of.parameters?.[name]?.string_value;
    return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  };
  const version = toInteger(last.model_version, -1);
  const groups = encoderConfig.instance_group ?? [];
  return {
    tokenizer: first.model_name,
    tokenizerInput: [...texts].find(([, tensor]) => tensor === text)![0],
    maxLength: number('max_length', tokenizerConfig) || undefined,
    encoder,
    encoderVersion: version > 0 ? String(version) : undefined,
    inputs,
    outputs,
    text,
    pair: texts.get('text_pair'),
    packed: (encoderConfig.input ?? []).some(({ allow_ragged_batch }) => allow_ragged_batch),
    maxTokens: number('conch.max_batch_tokens', encoderConfig) || defaultMaxTokens,
    instances: Math.max(
      1,
      groups.reduce(
        (sum, { count, gpus }) => sum + Math.max(1, toInteger(count, 1)) * Math.max(1, gpus?.length ?? 1),
        0,
      ),
    ),
  };
}
