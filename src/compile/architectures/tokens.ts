import type { GraphBuilder, Value } from '../../onnx/index.ts';

/**
 * How a batch's tokens lie in memory. Encoders work on one run of tokens [tokens, ...]; what needs the texts one by one
 * (attention, first tokens) takes them `apart` and puts them `together` again. Here in the padded layout: every text as
 * long as the longest, `tokens` = batch * sequence.
 */
export class Tokens {
  readonly #graph: GraphBuilder;
  /** INT64 [batch, sequence]. */
  readonly #shape: Value;
  readonly #shapes = new Map<string, Value>();

  /** `ids` is the input [batch, sequence]. */
  constructor(graph: GraphBuilder, ids: Value) {
    this.#graph = graph;
    this.#shape = graph.node('Shape', [ids], {}, { datatype: 'INT64' });
  }

  /** [tokens, ...] to [batch, sequence, ...dims]. */
  apart(value: Value, dims: readonly number[]): Value {
    return this.#graph.node('Reshape', [value, this.#shapeWith(dims)], {}, { name: 'apart' });
  }

  /** [batch, sequence, ...] to [tokens, size]. */
  together(value: Value, size: number): Value {
    return this.#graph.node('Reshape', [value, this.#graph.integers([-1, size])], {}, { name: 'together' });
  }

  /** The first token of each text: [tokens, size] to [batch, size]. */
  first(value: Value, size: number): Value {
    const index = this.#graph.constant('INT64', [], BigInt64Array.of(0n));
    return this.#graph.node(
      'Gather',
      [this.apart(value, [size]), index],
      { axis: { int: 1 } },
      { name: 'first-token' },
    );
  }

  /** The first rows of `table` [positions, size], one for each place in a text: [sequence, size]. */
  places(table: Value): Value {
    const graph = this.#graph;
    const sequence = graph.node('Gather', [this.#shape, graph.integers([1])]);
    return graph.node('Slice', [table, graph.integers([0]), sequence, graph.integers([0])], {}, { name: 'places' });
  }

  #shapeWith(dims: readonly number[]): Value {
    const key = dims.join();
    let shape = this.#shapes.get(key);
    if (!shape) {
      const parts = [this.#shape, this.#graph.integers(dims)];
      shape = this.#graph.node('Concat', parts, { axis: { int: 0 } }, { name: `shape-${key}` });
      this.#shapes.set(key, shape);
    }
    return shape;
  }
}
