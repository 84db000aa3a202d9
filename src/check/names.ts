import { distance } from 'fastest-levenshtein';

/** The candidate that `name` was most likely meant to be, or undefined when none comes close. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length * 0.4)) + 1;
  const plain = name.toLowerCase();
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= least) continue;
    const edits = distance(plain, candidate.toLowerCase());
    // Something of the name has to be left: one letter is not meant to be another.
    if (edits < least && edits < Math.max(name.length, candidate.length)) [best, least] = [candidate, edits];
  }
  return best;
}

/** `; did you mean 'logits'?`, or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const guess = nearest(name, candidates);
  return guess === undefined || guess === name ? '' : `; did you mean '${guess}'?`;
}

/** `'a', 'b' and 'c'`, at most eight of them. */
export function quoted(names: readonly string[], last = 'and'): string {
  const shown = names.slice(0, 8).map((name) => `'${name}'`);
  if (names.length > 8) shown.push(`${names.length - 8} more`);
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} ${last} ${shown.at(-1)}`;
}

/** `1 version`, `2 versions`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
