import type { Dimension, GraphBuilder, Value } from '../../../onnx/index.ts';
import { lowest, type Tokens } from './tokens.ts';

/** Symbolic dimensions of every padded input: texts in a request, tokens of the longest. */
const padded: readonly Dimension[] = ['batch', 'sequence'];

/**
 * The padded layout: `input_ids`, `attention_mask` and perhaps `token_type_ids`, INT64 [batch, sequence], every text as
 * long as the longest. The run of tokens is batch * sequence long, padding included.
 */
export class PaddedTokens implements Tokens {
  readonly ids: Value;
  readonly types: Value | undefined;
  readonly mask: Value;
  readonly beyond = lowest;
  readonly longest: Value;
  readonly #graph: GraphBuilder;
  /** INT64 [batch, sequence]. */
  readonly #shape: Value;
  readonly #shapes = new Map<string, Value>();

  constructor(graph: GraphBuilder, { takesTypes }: { takesTypes: boolean }) {
    this.#graph = graph;
    this.ids = graph.input('input_ids', 'INT64', padded);
    this.mask = graph.input('attention_mask', 'INT64', padded);
    this.types = takesTypes ? graph.input('token_type_ids', 'INT64', padded) : undefined;
    this.#shape = graph.node('Shape', [this.ids], {}, { datatype: 'INT64' });
    this.longest = graph.node('Gather', [this.#shape, graph.integers([1])], {}, { name: 'longest' });
  }

  places(table: Value): Value {
    const graph = this.#graph;
    const bounds = [graph.integers([0]), this.longest, graph.integers([0])];
    return graph.node('Slice', [table, ...bounds], {}, { name: 'places' });
  }

  countedPlaces(table: Value, _rows: number, padId: number): Value {
    const graph = this.#graph;
    const tokens = notPadding(graph, this.ids, padId);
    const count = graph.node('CumSum', [tokens, graph.constant('INT64', [], BigInt64Array.of(1n))]);
    const places = graph.node('Add', [graph.node('Mul', [count, tokens]), graph.integers([padId])]);
    return graph.node('Gather', [table, places], { axis: { int: 0 } }, { name: 'places' });
  }

  run(value: Value, size: number): Value {
    return this.together(value, size);
  }

  apart(value: Value, dims: readonly number[]): Value {
    return this.#graph.node('Reshape', [value, this.#shapeWith(dims)], {}, { name: 'apart' });
  }

  together(value: Value, size: number): Value {
    return this.#graph.node('Reshape', [value, this.#graph.integers([-1, size])], {}, { name: 'together' });
  }

  first(value: Value, size: number): Value {
    const index = this.#graph.constant('INT64', [], BigInt64Array.of(0n));
    return this.#graph.node(
      'Gather',
      [this.apart(value, [size]), index],
      { axis: { int: 1 } },
      { name: 'first-token' },
    );
  }

  perToken(value: Value, size: number) {
    return { value: this.apart(value, [size]), shape: [...padded, size] };
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

/** INT64, 1 where `ids` are not `padId`. */
export function notPadding(graph: GraphBuilder, ids: Value, padId: number): Value {
  const same = graph.node('Equal', [ids, graph.integers([padId])], {}, { datatype: 'BOOL' });
  return graph.node('Cast', [graph.node('Not', [same])], { to: { int: 7 } }, { datatype: 'INT64' });
}
