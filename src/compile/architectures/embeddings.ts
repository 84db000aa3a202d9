import type { GraphBuilder, Value } from '../../onnx/index.ts';
import type { Tokens } from './tokens.ts';

/** A table [rows, size] and the INT64 ids [batch, sequence] that pick from it. */
export interface LookUp {
  readonly table: Value;
  readonly ids: Value;
}

/**
 * The sum of what `lookUps` pick for each token and of its place's row in `places` [positions, size]: [tokens, size].
 */
export function sumOfEmbeddings(
  graph: GraphBuilder,
  tokens: Tokens,
  { lookUps, places, size }: { lookUps: Readonly<Record<string, LookUp>>; places: Value; size: number },
): Value {
  const picked = Object.entries(lookUps).map(([name, { table, ids }]) =>
    graph.node('Gather', [table, ids], { axis: { int: 0 } }, { name }),
  );
  const sum = [...picked, tokens.places(places)].reduce((left, right) => graph.node('Add', [left, right]));
  return tokens.together(sum, size);
}
