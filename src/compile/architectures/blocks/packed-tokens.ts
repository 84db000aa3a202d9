import type { GraphBuilder, Value } from '../../../onnx/index.ts';
import { notPadding } from './padded-tokens.ts';
import type { Tokens } from './tokens.ts';

/** The input of the packed layout that is made from the batch, not sent. */
export const textLengths = 'text_lengths';

/**
 * The packed layout: `input_ids`, `attention_mask` and perhaps `token_type_ids`, INT64 [tokens], the texts of all requests
 * one after the other, and `text_lengths`, INT32 [batch], how many elements each text has there. A request may hold
 * several texts, padded to its own longest: what the attention mask calls padding is dropped at the entrance, so that the
 * encoder sees nothing but tokens. A text that is nothing but padding keeps its first.
 */
export class PackedTokens implements Tokens {
  readonly ids: Value;
  readonly types: Value | undefined;
  readonly mask: Value;
  /**
   * Beyond its end a text's last token stands again, whose score is at most the row's highest. With 40 less its share is
   * at most e^-40, and 8,192 of them together less than FP32 can tell. The lowest float would do as well, but for what
   * ONNX Runtime makes of it: a share of 4e-39, a denormal, with which processors take a hundred cycles for a product.
   */
  readonly beyond = -40;
  readonly longest: Value;
  readonly #graph: GraphBuilder;
  /** INT64 [elements of the inputs]: shape of a token-level output's first axis. */
  readonly #elements: Value;
  /** INT64 [tokens]: where each token stands in the inputs. */
  readonly #kept: Value;
  /** INT64 [tokens]: the text that each token belongs to, and its place in what was sent. */
  readonly #rows: Value;
  readonly #places: Value;
  /** INT64 [batch]: the first token of each text in the run. */
  readonly #starts: Value;
  /** INT64 [batch, sequence]: tokens of the run, texts apart; beyond its end a text's last one again. */
  readonly #apart: Value;
  /** INT64 [tokens]: the run's tokens among the texts apart. */
  readonly #together: Value;

  constructor(graph: GraphBuilder, { takesTypes }: { takesTypes: boolean }) {
    this.#graph = graph;
    const input = (name: string) => graph.input(name, 'INT64', ['tokens']);
    const ids = input('input_ids');
    const attentionMask = input('attention_mask');
    const types = takesTypes ? input('token_type_ids') : undefined;
    const lengths = integer(graph, graph.input(textLengths, 'INT32', ['batch']));

    const pick = (from: Value, index: Value) => graph.node('Gather', [from, index], { axis: { int: 0 } });
    const scope = <T>(build: () => T) => graph.scope('unpad', build);
    this.#elements = scope(() => graph.node('Shape', [ids], {}, { datatype: 'INT64' }));

    // The inputs as a grid of texts, to see which of their elements are tokens.
    const sent = scope(() => this.#grid(lengths, this.#elements));
    const counted = scope(() => {
      const marked = graph.node('Greater', [pick(attentionMask, sent.index), graph.integers([0])], {}, bool);
      const isToken = graph.node('And', [sent.inside, marked]);
      const count = sum(graph, integer(graph, isToken), { keep: true });
      const isEmpty = graph.node('Equal', [count, graph.integers([0])], {}, bool);
      const isFirst = graph.node('Equal', [sent.places, graph.integers([0])], {}, bool);
      const alone = graph.node('And', [sent.inside, graph.node('And', [isEmpty, isFirst])]);
      const kept = graph.node('Or', [isToken, alone]);
      const indices = graph.node('NonZero', [kept], {}, { datatype: 'INT64' });
      const [rows, places] = graph.nodeWithOutputs(2, 'Split', [indices], {
        axis: { int: 0 },
        num_outputs: { int: 2 },
      });
      return {
        rows: dropFirst(graph, rows!),
        places: dropFirst(graph, places!),
        lengths: sum(graph, integer(graph, kept)),
      };
    });
    this.#rows = counted.rows;
    this.#places = counted.places;
    this.#kept = scope(() => graph.node('Add', [pick(sent.starts, this.#rows), counted.places], {}, { name: 'kept' }));
    this.ids = pick(ids, this.#kept);
    this.types = types && pick(types, this.#kept);

    const tokens = scope(() => graph.node('Shape', [this.ids], {}, { datatype: 'INT64' }));
    const own = scope(() => this.#grid(counted.lengths, tokens));
    this.longest = own.longest;
    this.mask = integer(graph, own.inside);
    this.#starts = own.starts;
    this.#apart = own.index;
    this.#together = scope(() => {
      const all = graph.node('Range', [zero(graph), dropFirst(graph, tokens), one(graph)], {}, { datatype: 'INT64' });
      const place = graph.node('Sub', [all, pick(this.#starts, this.#rows)], {}, { name: 'place' });
      return graph.node('Add', [graph.node('Mul', [this.#rows, this.longest]), place], {}, { name: 'together' });
    });
  }

  places(table: Value, rows: number): Value {
    return this.#rowsOf(table, rows, this.#places);
  }

  countedPlaces(table: Value, rows: number, padId: number): Value {
    const graph = this.#graph;
    const pick = (from: Value, index: Value) => graph.node('Gather', [from, index], { axis: { int: 0 } });
    const tokens = notPadding(graph, this.ids, padId);
    const total = graph.node('CumSum', [tokens, zero(graph)]);
    const before = pick(pick(graph.node('Sub', [total, tokens]), this.#starts), this.#rows);
    const count = graph.node('Mul', [graph.node('Sub', [total, before]), tokens]);
    return this.#rowsOf(table, rows, graph.node('Add', [count, graph.integers([padId])]));
  }

  run(value: Value): Value {
    return value;
  }

  apart(value: Value, dims: readonly number[]): Value {
    const picked = this.#graph.node('Gather', [value, this.#apart], { axis: { int: 0 } }, { name: 'apart' });
    if (dims.length === 1) return picked;
    return this.#graph.node('Reshape', [picked, this.#graph.integers([0, 0, ...dims])], {}, { name: 'apart' });
  }

  together(value: Value, size: number): Value {
    const rows = this.#graph.node('Reshape', [value, this.#graph.integers([-1, size])], {}, { name: 'together' });
    return this.#graph.node('Gather', [rows, this.#together], { axis: { int: 0 } }, { name: 'together' });
  }

  first(value: Value): Value {
    return this.#graph.node('Gather', [value, this.#starts], { axis: { int: 0 } }, { name: 'first-token' });
  }

  /** A row for each element of the inputs, zeros where it was padding, so that it can be dealt out by their shapes. */
  perToken(value: Value, size: number) {
    const graph = this.#graph;
    const shape = graph.node('Concat', [this.#elements, graph.integers([size])], { axis: { int: 0 } });
    const zeros = graph.node('Expand', [graph.scalar(0), shape]);
    const index = graph.node('Unsqueeze', [this.#kept, graph.integers([1])]);
    return { value: graph.node('ScatterND', [zeros, index, value]), shape: ['tokens', size] };
  }

  /**
   * Rows of a table of positions. A text that is too long for it becomes NaN by itself: an index beyond the table would
   * fail the whole batch, and with it the texts of others.
   */
  #rowsOf(table: Value, rows: number, index: Value): Value {
    const graph = this.#graph;
    const within = graph.node('Min', [index, graph.integers([rows - 1])]);
    const picked = graph.node('Gather', [table, within], { axis: { int: 0 } }, { name: 'places' });
    const beyond = graph.node('Greater', [index, graph.integers([rows - 1])], {}, bool);
    const spoilt = graph.node('Where', [beyond, graph.scalar(Number.NaN), graph.scalar(0)], {}, { datatype: 'FP32' });
    return graph.node('Add', [picked, graph.node('Unsqueeze', [spoilt, graph.integers([1])])]);
  }

  /** Texts of `lengths` [batch], one after the other in a run of `total` [1], as a grid. */
  #grid(lengths: Value, total: Value) {
    const graph = this.#graph;
    const column = (value: Value) => graph.node('Unsqueeze', [value, graph.integers([1])]);
    const starts = graph.node('Sub', [graph.node('CumSum', [lengths, zero(graph)]), lengths]);
    const last = graph.node('Sub', [total, graph.integers([1])]);
    const longest = graph.node('ReduceMax', [lengths, graph.integers([0])], { keepdims: { int: 1 } });
    const range = graph.node('Range', [zero(graph), dropFirst(graph, longest), one(graph)], {}, { datatype: 'INT64' });
    const places = graph.node('Unsqueeze', [range, graph.integers([0])]);
    const inside = graph.node('Less', [places, column(lengths)], {}, bool);
    const lastPlace = graph.node('Max', [graph.node('Sub', [lengths, graph.integers([1])]), graph.integers([0])]);
    const reached = graph.node('Add', [column(starts), graph.node('Min', [places, column(lastPlace)])]);
    // An empty text at the very end would begin behind the run.
    const index = graph.node('Min', [reached, last]);
    return { starts: graph.node('Min', [starts, last]), longest, places, inside, index };
  }
}

const bool = { datatype: 'BOOL' } as const;

function integer(graph: GraphBuilder, value: Value): Value {
  return graph.node('Cast', [value], { to: { int: 7 } }, { datatype: 'INT64' });
}

function zero(graph: GraphBuilder): Value {
  return graph.constant('INT64', [], BigInt64Array.of(0n));
}

function one(graph: GraphBuilder): Value {
  return graph.constant('INT64', [], BigInt64Array.of(1n));
}

/** Without the first axis, which is 1. */
function dropFirst(graph: GraphBuilder, value: Value): Value {
  return graph.node('Squeeze', [value, graph.integers([0])]);
}

/** [batch, n] to [batch], or to [batch, 1] with `keep`. */
function sum(graph: GraphBuilder, value: Value, { keep } = { keep: false }): Value {
  return graph.node('ReduceSum', [value, graph.integers([1])], { keepdims: { int: Number(keep) } });
}
