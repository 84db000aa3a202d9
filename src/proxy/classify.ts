import { ConchError } from '../base/index.ts';
import { softmax } from '../text/index.ts';
import type { ItemAnswer, OutputColumn } from './encode.ts';
import type { Classes } from './interface.ts';

/**
 * One text's answer: its logits, the label of the highest (the first one of equals), and every label's probability:
 * the softmax of the logits, or where labels are independent of each other each one's sigmoid.
 * @throws EXECUTION_FAILED when the model gave a number of logits other than that of its labels, or one not finite.
 */
export function classAnswer(model: string, classes: Classes, column: OutputColumn, index: number): ItemAnswer {
  const { output, elements, elementsPerItem } = column;
  if (elementsPerItem !== classes.labels.length) {
    const counts = `${elementsPerItem} values for ${classes.labels.length} labels`;
    throw new ConchError('EXECUTION_FAILED', `model '${model}' gave output '${output.name}' of ${counts}`);
  }
  const start = index * elementsPerItem;
  const logits = Array.from({ length: elementsPerItem }, (_, offset) => Number(elements[start + offset]));
  const odd = logits.findIndex((logit) => !Number.isFinite(logit));
  if (odd >= 0) {
    const what = `${logits[odd]} for '${classes.labels[odd]}', which is no score`;
    throw new ConchError('EXECUTION_FAILED', `model '${model}' gave ${what}`);
  }
  const scores = classes.independent ? logits.map((logit) => 1 / (1 + Math.exp(-logit))) : softmax(logits);
  const best = logits.indexOf(logits.reduce((high, logit) => Math.max(high, logit), -Infinity));
  return {
    [output.name]: logits,
    label: classes.labels[best]!,
    scores: Object.fromEntries(classes.labels.map((label, at) => [label, scores[at]!])),
  };
}
