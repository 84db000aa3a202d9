import type { Checkpoint } from '../../checkpoint/index.ts';
import type { GraphBuilder } from '../../onnx/index.ts';
import type { Building, Task } from './architecture.ts';
import { PackedTokens } from './blocks/packed-tokens.ts';
import { PaddedTokens } from './blocks/padded-tokens.ts';
import type { Layout } from './blocks/tokens.ts';
import { Weights } from './blocks/weights.ts';
import { chooseArchitecture } from './choose.ts';
import { meanOfTokens, type SentenceModules, sentenceEmbedding } from './sentence-embedding.ts';

/** What a graph became, beyond itself. */
export interface EncoderFacts {
  readonly task: Task;
  /** Longest sequence that the positions allow. */
  readonly maxLength: number;
  /** Where sentence-transformers cuts texts, `max_seq_length`. */
  readonly maxSeqLength?: number;
  /** Trained values in the graph. */
  readonly parameters: number;
  /** The output's last dimension belongs to these, where the model classifies. */
  readonly labels?: readonly string[];
  /** What sentence-transformers' CrossEncoder does with a score, e.g. `torch.nn.modules.activation.Sigmoid`. */
  readonly scoreActivation?: string;
  /** config.json's `problem_type`: what the logits were trained as; they leave the graph as they are. */
  readonly problemType?: string;
  /** Outputs with a row for each token of the request. */
  readonly perToken: readonly string[];
}

export interface BuildOptions {
  readonly layout: Layout;
  /** What sentence-transformers puts behind the encoder, where the checkpoint is one of its. */
  readonly sentence?: SentenceModules | undefined;
}

/**
 * Builds the graph of `checkpoint` for its task: `logits` [batch, labels] of a text classifier or reranker, `logits`
 * [batch, sequence, labels] of a token classifier, `sentence_embedding` [batch, size], or `last_hidden_state` [batch,
 * sequence, hidden] of an encoder alone.
 */
export function buildEncoder(graph: GraphBuilder, checkpoint: Checkpoint, options: BuildOptions): EncoderFacts {
  const { architecture, kind } = chooseArchitecture(checkpoint, options.sentence !== undefined);
  const encoder = architecture.open(checkpoint);
  const prefixed = [...checkpoint.tensors.keys()].some((name) => name.startsWith(architecture.prefix));
  const tokens = options.layout === 'packed' ? new PackedTokens(graph, encoder) : new PaddedTokens(graph, encoder);
  const weights = new Weights(graph, checkpoint, checkpoint.dir, prefixed ? architecture.prefix : '');
  const head = new Weights(graph, checkpoint, checkpoint.dir);
  const building: Building = { graph, tokens, weights, head };
  const facts = { maxLength: encoder.maxLength, perToken: [] as string[] };
  const count = () => weights.parameters + head.parameters;

  if (kind === 'texts') {
    const labels = labelsOf(checkpoint, 'text');
    const mean = encoder.classifierPooling === 'mean';
    const hidden = encoder.hidden(building, !mean);
    const pooled = mean ? meanOfTokens(building, hidden, encoder.hiddenSize) : hidden;
    graph.output('logits', encoder.classifyTexts(building, pooled, labels.length), ['batch', labels.length]);
    const ranks = labels.length === 1 && checkpoint.config.problem_type !== 'regression';
    const task = ranks ? 'text-ranking' : 'text-classification';
    return { ...facts, task, parameters: count(), labels, ...meaningOf(checkpoint) };
  }
  if (kind === 'tokens') {
    const labels = labelsOf(checkpoint, 'token');
    const logits = encoder.classifyTokens(building, encoder.hidden(building, false), labels.length);
    const { value, shape } = tokens.perToken(logits, labels.length);
    graph.output('logits', value, shape);
    return { ...facts, perToken: ['logits'], task: 'token-classification', parameters: count(), labels };
  }
  if (options.sentence) {
    const made = sentenceEmbedding(building, encoder, options.sentence);
    graph.output('sentence_embedding', made.value, ['batch', made.size]);
    const { maxLength: maxSeqLength } = options.sentence;
    const cut = maxSeqLength === undefined ? {} : { maxSeqLength };
    return { ...facts, ...cut, task: 'sentence-similarity', parameters: count() + made.parameters };
  }
  const { value, shape } = tokens.perToken(encoder.hidden(building, false), encoder.hiddenSize);
  graph.output('last_hidden_state', value, shape);
  return { ...facts, perToken: ['last_hidden_state'], task: 'feature-extraction', parameters: count() };
}

function labelsOf(checkpoint: Checkpoint, what: 'text' | 'token'): readonly string[] {
  if (checkpoint.labels.length > 0) return checkpoint.labels;
  // transformers' default where config.json says nothing; the classifier's own shape decides.
  const names = what === 'text' ? ['classifier.weight', 'classifier.out_proj.weight'] : ['classifier.weight'];
  const outputs = names.map((name) => checkpoint.tensors.get(name)?.shape[0]).find((size) => size !== undefined) ?? 2;
  return Array.from({ length: outputs }, (_, index) => `LABEL_${index}`);
}

/** What is to be done with logits outside the graph. */
function meaningOf({ config }: Checkpoint): Pick<EncoderFacts, 'problemType' | 'scoreActivation'> {
  const crossEncoder = config.sentence_transformers as Record<string, unknown> | null | undefined;
  const activation = crossEncoder?.activation_fn ?? config.sbert_ce_default_activation_function;
  return {
    ...(typeof config.problem_type === 'string' && { problemType: config.problem_type }),
    ...(typeof activation === 'string' && { scoreActivation: activation }),
  };
}
