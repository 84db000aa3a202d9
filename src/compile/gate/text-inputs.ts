import type { EncodedText, TextTokenizer } from '../../text/index.ts';
import { type Layout, textLengths } from '../architectures/index.ts';
import type { GateInputs } from './gate.ts';
import type { GateTensor, Sample } from './sample.ts';
import { type GateText, ordinaryTexts } from './texts.ts';

/** Attention over more costs minutes on a laptop; nothing new happens there. */
const longestWorthwhile = 1024;

/**
 * What a text model is compared on: texts of mixed lengths in padded batches, the first of them alone as well, and last a
 * text of as many tokens as the model takes beside a short one.
 */
export function textInputs(options: {
  readonly texts: readonly GateText[];
  readonly tokenizer: TextTokenizer;
  readonly layout: Layout;
  /** The model's inputs, by name. */
  readonly names: readonly string[];
  readonly pairs: boolean;
  readonly labels: readonly string[];
  /** Texts of a batch; 16 unless given. */
  readonly batchSize?: number;
  /** Texts that are run alone as well, from the first on; 8 unless given. */
  readonly aloneCount?: number;
}): GateInputs {
  const { tokenizer, layout, names, pairs, labels, batchSize = 16, aloneCount = 8 } = options;
  const texts = options.texts.length > 0 ? options.texts : ordinaryTexts.map((text): GateText => ({ text }));
  const encode = ({ text, pair }: GateText, index: number): EncodedText => {
    if (!pairs) return tokenizer.encode(text);
    return tokenizer.encodePair(text, pair ?? texts[(index + 1) % texts.length]!.text);
  };
  const rows = texts.map(encode);
  const long = tokenizer.encode(
    texts
      .map(({ text }) => text)
      .join(' ')
      .repeat(1 + Math.ceil(longestWorthwhile / texts.length)),
  );
  const longest = long.ids.length <= longestWorthwhile ? long : cut(long, longestWorthwhile);
  const sample = (of: readonly EncodedText[]) => toSample(of, { padId: tokenizer.padId, layout, names });
  const batches: Sample[] = [];
  for (let start = 0; start < rows.length; start += batchSize)
    batches.push(sample(rows.slice(start, start + batchSize)));
  batches.push(sample([longest, rows[0]!]));
  const expected = texts.map(({ logits }) => logits && Float64Array.from(logits));
  const truth = texts.map(({ label }) => {
    const index = typeof label === 'number' ? label : labels.indexOf(label ?? '');
    return index >= 0 && index < labels.length ? index : undefined;
  });
  return {
    batches,
    alone: rows.slice(0, aloneCount).map((row) => sample([row])),
    count: rows.length + 2,
    longest: longest.ids.length,
    ...(pairs && texts.some(({ pair }) => pair === undefined) ? {} : { expected }),
    truth,
  };
}

/** Without the end of the text, but with its last token, which is special. */
function cut({ ids, typeIds }: EncodedText, length: number): EncodedText {
  const shorten = (values: readonly number[]) => [...values.slice(0, length - 1), values.at(-1)!];
  return { ids: shorten(ids), typeIds: shorten(typeIds) };
}

/** Padded to the longest, or as one run with the length of each. */
function toSample(
  rows: readonly EncodedText[],
  { padId, layout, names }: { padId: number; layout: Layout; names: readonly string[] },
): Sample {
  const packed = layout === 'packed';
  const longest = Math.max(...rows.map(({ ids }) => ids.length));
  const fill = (valuesOf: (row: EncodedText) => readonly number[], padding: number) =>
    BigInt64Array.from(
      rows.flatMap((row) => {
        const values = valuesOf(row);
        return packed ? values : [...values, ...new Array<number>(longest - values.length).fill(padding)];
      }),
      BigInt,
    );
  const kept = fill(({ ids }) => ids.map(() => 1), 0);
  const columns: Readonly<Record<string, BigInt64Array>> = {
    input_ids: fill(({ ids }) => ids, padId),
    attention_mask: kept,
    token_type_ids: fill(({ typeIds }) => typeIds, 0),
  };
  const dims = packed ? [kept.length] : [rows.length, longest];
  const inputs = names
    .filter((name) => columns[name] !== undefined)
    .map((name): GateTensor => ({ name, datatype: 'INT64', dims, data: columns[name]! }));
  const lengths: GateTensor = {
    name: textLengths,
    datatype: 'INT32',
    dims: [rows.length],
    data: Int32Array.from(rows, ({ ids }) => ids.length),
  };
  return { inputs: packed ? [...inputs, lengths] : inputs, kept: Uint8Array.from(kept, Number) };
}
