import { ConchError } from '../../base/index.ts';
import { readLines } from '../validate/lines.ts';
import { drawLengths, type LengthDistribution } from './lengths.ts';
import { seededRandom } from './random.ts';

/** Words of reports and headlines, mostly one token each in the vocabularies of BERT's kind. */
const words = (
  'the company said profit for quarter rose to million from a year earlier as sales of its new products grew in all ' +
  'markets while costs fell and orders remained strong operating loss narrowed after charges net income per share was ' +
  'higher than expected by analysts who see demand slow down next year because prices may drop but management keeps ' +
  'outlook unchanged with revenue growth between three and five percent board will propose dividend at annual meeting ' +
  'shares closed lower on Helsinki exchange despite strong results bank cut rate again'
).split(' ');

/** Texts of so many words each, the same for the same seed. */
export function madeTexts(lengths: LengthDistribution, count: number, seed: number): string[] {
  const random = seededRandom(seed + 1);
  return drawLengths(lengths, count, seed).map((length) =>
    Array.from({ length }, () => words[Math.floor(random() * words.length)]!).join(' '),
  );
}

/**
 * The texts of a file: a line each, or the `text` of each line where the file's name ends in .jsonl. At most `most` are
 * taken, evenly from the whole file, so that a file sorted by length is not cut short.
 */
export async function readTexts(file: string, most: number): Promise<string[]> {
  const all: string[] = [];
  for await (const { text, number } of readLines(file)) {
    all.push(file.endsWith('.jsonl') ? textOf(text, file, number) : text.trim());
    if (all.length > 1_000_000) break;
  }
  if (all.length === 0) throw new ConchError('FILE_INVALID', `${file} has no texts`, { where: { file } });
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, index) => all[Math.floor((index * all.length) / most)]!);
}

function textOf(line: string, file: string, number: number): string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new ConchError('FILE_INVALID', 'line is not JSON', { where: { file, line: number }, cause });
  }
  const { text } = (value ?? {}) as { text?: unknown };
  if (typeof text === 'string') return text;
  throw new ConchError('FILE_INVALID', "line has no 'text'", { where: { file, line: number } });
}
