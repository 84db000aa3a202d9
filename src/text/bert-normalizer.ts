import { classBit, classTable } from './character-classes.ts';

export interface BertNormalization {
  /** Drop control characters, turn white space into spaces. */
  readonly cleanText: boolean;
  /** Set ideographs apart. */
  readonly handleChineseChars: boolean;
  readonly stripAccents: boolean;
  readonly lowercase: boolean;
}

const plain = /^[\t\n\r\x20-\x7e]*$/;

/** Text as BERT's vocabulary expects it: cleaned, accents stripped, lower-cased, in the order of Python's BertNormalizer. */
export function normalizeBert(text: string, options: BertNormalization): string {
  // Tabs and line ends need no cleaning: they separate words as spaces do.
  if (plain.test(text)) return options.lowercase ? text.toLowerCase() : text;
  let out = options.cleanText || options.handleChineseChars ? clean(text, options) : text;
  if (options.stripAccents) out = dropMarks(out.normalize('NFD'));
  // A capital sigma is lower-cased without regard to its place in the word, as Rust's char::to_lowercase does.
  return options.lowercase ? out.replaceAll('Σ', 'σ').toLowerCase() : out;
}

function clean(text: string, options: BertNormalization): string {
  const classes = classTable();
  let out = '';
  for (const char of text) {
    const bits = classes[char.codePointAt(0)!]!;
    if (options.cleanText && bits & classBit.removed) continue;
    if (options.cleanText && bits & classBit.blank) out += ' ';
    else if (options.handleChineseChars && bits & classBit.cjk) out += ` ${char} `;
    else out += char;
  }
  return out;
}

function dropMarks(text: string): string {
  const classes = classTable();
  let out = '';
  let kept = 0;
  for (let i = 0; i < text.length; ) {
    const point = text.codePointAt(i)!;
    const next = i + (point > 0xffff ? 2 : 1);
    if (classes[point]! & classBit.mark) {
      out += text.slice(kept, i);
      kept = next;
    }
    i = next;
  }
  return kept === 0 ? text : out + text.slice(kept);
}
