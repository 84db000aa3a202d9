import { softmax } from '../../text/index.ts';

/** A word of a text, and the logits of its first token. */
export interface TaggedWord {
  readonly start: number;
  readonly end: number;
  readonly logits: readonly number[];
}

export interface Entity {
  /** The label, without `B-` or `I-` where words are grouped. */
  readonly entity: string;
  /** Probability; of several words the mean. */
  readonly score: number;
  readonly text: string;
  /** UTF-16 offsets, `end` behind the last. */
  readonly start: number;
  readonly end: number;
}

/** Words that have the label of nothing. */
const outside = 'O';

/**
 * The words of a text that carry a label, one by one, or grouped: a word joins those before it when its label is of the
 * same entity and does not begin a new one (`B-`). As transformers' `aggregation_strategy: "first"`: a word has the
 * label of its first token.
 */
export function entitiesOf(
  text: string,
  words: readonly TaggedWord[],
  labels: readonly string[],
  grouped: boolean,
): Entity[] {
  const entities: (Entity & { readonly count: number; readonly lastAt: number })[] = [];
  words.forEach(({ start, end, logits }, at) => {
    const best = logits.indexOf(Math.max(...logits));
    const score = softmax(logits)[best]!;
    const label = labels[best]!;
    if (label === outside) return;
    const entity = grouped ? label.replace(/^[BI]-/, '') : label;
    const before = entities.at(-1);
    if (grouped && before?.entity === entity && before.lastAt === at - 1 && !label.startsWith('B-')) {
      const count = before.count + 1;
      entities[entities.length - 1] = {
        ...before,
        ...{ end, count, lastAt: at, text: text.slice(before.start, end) },
        score: before.score + (score - before.score) / count,
      };
      return;
    }
    entities.push({ entity, score, text: text.slice(start, end), start, end, count: 1, lastAt: at });
  });
  return entities.map(({ count: _, lastAt: __, ...entity }) => entity);
}
