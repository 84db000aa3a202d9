import type { GraphBuilder, Value } from '../../onnx/index.ts';

/** Rows of `table` [rows, size] picked by `ids` [batch, sequence]: [batch, sequence, size]. */
export function lookUp(graph: GraphBuilder, table: Value, ids: Value, name: string): Value {
  return graph.node('Gather', [table, ids], { axis: { int: 0 } }, { name });
}
