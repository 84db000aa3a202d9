import { readJsonLines } from './json-lines.ts';

/** A text to compare on, and what is known of it. */
export interface GateText {
  readonly text: string;
  readonly pair?: string;
  /** What the source model gives. */
  readonly logits?: readonly number[];
  readonly label?: string | number;
}

/** More lines of a reference file are not run while compiling; `conch validate` runs all. */
export const mostTexts = 256;

/** The first texts of a reference file, as `conch validate` reads it; lines of tensors are left to that. */
export async function readTexts(file: string): Promise<GateText[]> {
  const texts: GateText[] = [];
  for await (const line of readJsonLines(file)) {
    const read = textOf(line);
    if (read) texts.push(read);
    if (texts.length === mostTexts) break;
  }
  return texts;
}

function textOf({ text, text_pair: pair, logits, label }: Readonly<Record<string, unknown>>): GateText | undefined {
  if (typeof text !== 'string') return undefined;
  const numbers = Array.isArray(logits) && logits.every((one) => typeof one === 'number');
  return {
    text,
    ...(typeof pair === 'string' && { pair }),
    ...(numbers && { logits: logits as number[] }),
    ...((typeof label === 'string' || typeof label === 'number') && { label }),
  };
}

/** Texts of many kinds and lengths, for models that bring none: news, reviews, questions, code, other scripts, almost nothing. */
export const ordinaryTexts: readonly string[] = [
  'Quarterly sales beat expectations.',
  'The company cut its full-year forecast after two large customers delayed their orders.',
  'Shares were unchanged.',
  'Net interest income rose 12% to EUR 1.4 billion, while loan losses fell for the third quarter in a row.',
  'I waited forty minutes for a cold soup, and nobody apologised.',
  'Best headphones I have owned: light, clear, and the battery lasts a week.',
  'It is fine, I suppose.',
  'What is the capital of Australia?',
  'How do I reset the password of an account that was locked after three failed attempts?',
  'The treaty was signed in Vienna in 1815 and redrew the borders of half a continent.',
  'Water boils at a lower temperature on a mountain, because the air presses less on its surface.',
  'for (const item of list) { total += item.price * item.count; }',
  'SELECT name, count(*) FROM orders GROUP BY name HAVING count(*) > 10;',
  'Dr. Ana Oliveira of the University of Porto will speak on Tuesday at 9:30 in Room 204.',
  'Please find attached the minutes of our last meeting, together with the list of open points that we agreed to close before the end of the month.',
  'no',
  'Why?!',
  'The patient reports mild pain in the left knee, worse in the morning, without swelling or fever.',
  'Der Zug nach Hamburg hat heute leider zwanzig Minuten Verspätung.',
  'La película empieza despacio, pero el final merece la espera.',
  'Le conseil a approuvé le budget à une large majorité.',
  '今日はとても暑いので、公園に行くのはやめました。',
  'Погода завтра будет ясной, без осадков.',
  'The court held that the clause was void, since it left one party free to change the price at will and the other without any remedy.',
  'Beat the eggs, fold in the flour, rest the batter for half an hour, then fry thin pancakes in butter.',
  'She ran, he walked, they both arrived late.',
  'Flight LH 431 to Chicago is now boarding at gate B24.',
  'An earthquake of magnitude 6.1 shook the coast early on Sunday; no injuries were reported.',
  'Unsubscribe me from this list at once.',
  'The quick brown fox jumps over the lazy dog.',
  'Order #88213 arrived damaged, the replacement was the wrong colour, and the refund is still pending after three weeks.',
  'Thanks!',
];
