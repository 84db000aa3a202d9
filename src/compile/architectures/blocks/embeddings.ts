import type { GraphBuilder, Value } from '../../../onnx/index.ts';
import type { Building } from '../architecture.ts';
import type { Tokens } from './tokens.ts';

/** A table [rows, size] and what picks from it: a value for each token in the layout's own shape. */
export interface LookUp {
  readonly table: Value;
  readonly ids: Value;
}

/**
 * The sum of what `lookUps` pick for each token and of `others` (rows that are the same for all, or depend on the place):
 * [tokens, size].
 */
export function sumOfEmbeddings(
  graph: GraphBuilder,
  tokens: Tokens,
  { lookUps, others, size }: { lookUps: Readonly<Record<string, LookUp>>; others: readonly Value[]; size: number },
): Value {
  const picked = Object.entries(lookUps).map(([name, { table, ids }]) =>
    graph.node('Gather', [table, ids], { axis: { int: 0 } }, { name }),
  );
  const sum = [...picked, ...others].reduce((left, right) => graph.node('Add', [left, right]));
  return tokens.run(sum, size);
}

/** The sizes of BERT's tables; `null` for one that a family does not have. */
export interface EmbeddingSizes {
  readonly size: number;
  readonly words: number;
  readonly types: number | null;
  readonly positions: number | null;
  /** Where positions are counted over tokens other than this one. */
  readonly padId?: number;
}

/**
 * Words, token types and absolute positions as BERT and its kin add them, before normalisation: [tokens, size]. Where
 * there is only one type, its row is added to every token and nobody need send types.
 */
export function bertEmbeddings({ graph, tokens, weights }: Building, sizes: EmbeddingSizes): Value {
  const { size, padId } = sizes;
  const table = (name: string, rows: number, field: string) =>
    weights.tensor(`embeddings.${name}.weight`, [rows, size], `${field} ${rows}, hidden_size ${size}`);
  const lookUps: Record<string, LookUp> = {
    words: { table: table('word_embeddings', sizes.words, 'vocab_size'), ids: tokens.ids },
  };
  const others: Value[] = [];
  if (sizes.types) {
    const types = table('token_type_embeddings', sizes.types, 'type_vocab_size');
    if (tokens.types) lookUps.types = { table: types, ids: tokens.types };
    else others.push(graph.node('Gather', [types, graph.integers([0])], { axis: { int: 0 } }, { name: 'type' }));
  }
  if (sizes.positions) {
    const places = table('position_embeddings', sizes.positions, 'max_position_embeddings');
    others.push(
      padId === undefined
        ? tokens.places(places, sizes.positions)
        : tokens.countedPlaces(places, sizes.positions, padId),
    );
  }
  return sumOfEmbeddings(graph, tokens, { lookUps, others, size });
}
