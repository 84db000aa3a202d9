import { checkConfig } from '../../checkpoint/index.ts';
import type { Value } from '../../onnx/index.ts';
import type { Architecture, Building } from './architecture.ts';
import { activation, checkActivation } from './blocks/activation.ts';
import {
  additiveMask,
  attend,
  firstPerHead,
  ofFirstQuery,
  perHead,
  together,
  turnedPerHead,
} from './blocks/attention.ts';
import { linear } from './blocks/linear.ts';
import { layerNorm } from './blocks/normalisation.ts';
import { distances } from './blocks/relative.ts';
import { type Rotation, rotate, rotation } from './blocks/rotary.ts';
import { lowest } from './blocks/tokens.ts';
import { headSizeOf, refuse, refuseSwitches } from './config.ts';
import { classifier } from './heads.ts';
import { type LayerType, layerTypes, type ModernBertConfig, rotaryBases, schema } from './modernbert-config.ts';

/** What one kind of layer attends with. */
interface Reach {
  readonly rotation: Rotation;
  /** [batch, 1, 1, sequence], or with a window [batch, 1, sequence, sequence]. */
  readonly bias: Value;
  readonly window: boolean;
}

/**
 * ModernBERT: rotary positions, normalisation before each block, gated feed-forward layers, and between layers that see
 * the whole text such that see only a window around each token.
 */
export const modernbert: Architecture = {
  families: { modernbert: 'ModernBert' },
  prefix: 'model.',
  open(checkpoint) {
    const { configFile } = checkpoint;
    const config = checkConfig(schema, checkpoint.config, configFile);
    refuseSwitches(checkpoint);
    const { hidden_size: size, norm_eps: epsilon, norm_bias: bias } = config;
    const headSize = headSizeOf(checkpoint, size, config.num_attention_heads);
    if (headSize % 2 === 1)
      refuse(checkpoint, 'num_attention_heads', `heads of ${headSize} cannot be halved to rotate them`);
    const types = layerTypes(config, checkpoint);
    const bases = rotaryBases(config, checkpoint);
    const act = checkActivation(config.hidden_activation, 'hidden_activation', configFile);
    const headAct = checkActivation(config.classifier_activation, 'classifier_activation', configFile);
    const normed = ({ graph, weights }: Building, value: Value, name: string) =>
      layerNorm(graph, weights, value, { name, size, epsilon, bias });

    /** The head in front of the classifier, on [rows, size]. */
    const headed = ({ graph, head }: Building, input: Value) =>
      graph.scope('head', () => {
        const because = `hidden_size ${size}, classifier_bias ${config.classifier_bias}`;
        const dense = head.linear('head.dense', size, size, because, config.classifier_bias ? 'required' : 'none');
        const active = activation(graph, headAct, linear(graph, input, dense));
        return layerNorm(graph, head, active, { name: 'head.norm', size, epsilon, bias });
      });

    return {
      hiddenSize: size,
      maxLength: config.max_position_embeddings,
      takesTypes: false,
      classifierPooling: config.classifier_pooling === 'mean' ? 'mean' : 'first',
      hidden(building, firstTokenOnly) {
        const { graph, weights, tokens } = building;
        let hidden = graph.scope('embeddings', () => {
          const because = `vocab_size ${config.vocab_size}, hidden_size ${size}`;
          const table = weights.tensor('embeddings.tok_embeddings.weight', [config.vocab_size, size], because);
          const words = graph.node('Gather', [table, tokens.ids], { axis: { int: 0 } }, { name: 'words' });
          return normed(building, tokens.run(words, size), 'embeddings.norm');
        });
        const mask = additiveMask(graph, tokens.mask);
        const reaches = new Map(
          [...new Set(types)].map((type): [LayerType, Reach] => [
            type,
            graph.scope(type, () => ({
              rotation: rotation(graph, tokens.longest, headSize, bases[type]),
              window: type === 'sliding_attention',
              bias: type === 'full_attention' ? mask : windowed(building, mask, Math.floor(config.local_attention / 2)),
            })),
          ]),
        );
        for (const [index, type] of types.entries()) {
          const name = `layers.${index}`;
          const first = firstTokenOnly && index === types.length - 1;
          const layer = { config, name, headSize, first, reach: reaches.get(type)! };
          hidden = graph.scope(name, () => {
            const input = index === 0 ? hidden : normed(building, hidden, `${name}.attn_norm`);
            const attended = graph.scope('attn', () => attention(building, input, layer));
            const kept = first ? tokens.first(hidden, size) : hidden;
            const sum = graph.node('Add', [kept, attended], {}, { name: 'residual' });
            const fed = graph.scope('mlp', () => {
              const before = normed(building, sum, `${name}.mlp_norm`);
              return gatedFeedForward(building, before, config, `${name}.mlp`, act);
            });
            return graph.node('Add', [sum, fed], {}, { name: 'residual' });
          });
        }
        return normed(building, hidden, 'final_norm');
      },
      classifyTexts: (building, pooled, labels) =>
        classifier(building, headed(building, pooled), 'classifier', size, labels),
      classifyTokens: (building, hidden, labels) =>
        classifier(building, headed(building, hidden), 'classifier', size, labels),
    };
  },
};

/** The mask where no token sees others that are more than `reach` places away. */
function windowed({ graph, tokens }: Building, mask: Value, reach: number): Value {
  const away = graph.node('Abs', [distances(graph, tokens.longest)]);
  const outside = graph.node('Greater', [away, graph.integers([reach])], {}, { datatype: 'BOOL' });
  const window = graph.node('Where', [outside, graph.scalar(lowest), graph.scalar(0)], {}, { datatype: 'FP32' });
  return graph.node('Min', [mask, graph.node('Unsqueeze', [window, graph.integers([0, 1])])], {}, { name: 'window' });
}

interface Layer {
  readonly config: ModernBertConfig;
  readonly name: string;
  readonly headSize: number;
  /** Only the first token of each text is asked for. */
  readonly first: boolean;
  readonly reach: Reach;
}

function attention({ graph, tokens, weights }: Building, input: Value, layer: Layer): Value {
  const { config, name, headSize, first, reach } = layer;
  const { hidden_size: size, num_attention_heads: heads, attention_bias: bias } = config;
  const because = `hidden_size ${size}, attention_bias ${bias}`;
  const needed = bias ? 'required' : 'none';
  const all = linear(graph, input, weights.linear(`${name}.attn.Wqkv`, size, 3 * size, because, needed), 'Wqkv');
  const parts = graph.nodeWithOutputs(3, 'Split', [all], { axis: { int: -1 }, num_outputs: { int: 3 } });
  const [query, key, value] = parts as [Value, Value, Value];
  const apart = (part: Value) => tokens.apart(part, [heads, headSize]);
  const turned = (part: Value) => rotate(graph, apart(part), reach.rotation);
  const shape = { heads, headSize };
  const states = {
    // The angles of the first place are 0.
    query: first
      ? firstPerHead(graph, tokens.first(query, size), shape)
      : graph.scope('query', () => perHead(graph, turned(query))),
    key: graph.scope('key', () => turnedPerHead(graph, turned(key))),
    value: graph.scope('value', () => perHead(graph, apart(value))),
  };
  const biases = [first && reach.window ? ofFirstQuery(graph, reach.bias) : reach.bias];
  const context = attend(graph, states, Math.sqrt(headSize), biases);
  const merged = first
    ? graph.node('Reshape', [context, graph.integers([0, size])])
    : together(graph, tokens, context, shape);
  return linear(graph, merged, weights.linear(`${name}.attn.Wo`, size, size, because, needed), 'Wo');
}

/** The activation of one half of the widened states, times the other half. */
function gatedFeedForward(
  { graph, weights }: Building,
  input: Value,
  { hidden_size: size, intermediate_size: wide, mlp_bias: bias }: ModernBertConfig,
  name: string,
  act: ReturnType<typeof checkActivation>,
): Value {
  const because = `intermediate_size ${wide}, hidden_size ${size}, mlp_bias ${bias}`;
  const needed = bias ? 'required' : 'none';
  const up = linear(graph, input, weights.linear(`${name}.Wi`, size, 2 * wide, because, needed), 'Wi');
  const halves = graph.nodeWithOutputs(2, 'Split', [up], { axis: { int: -1 }, num_outputs: { int: 2 } });
  const gated = graph.node('Mul', [activation(graph, act, halves[0]!), halves[1]!], {}, { name: 'gated' });
  return linear(graph, gated, weights.linear(`${name}.Wo`, wide, size, because, needed), 'Wo');
}
