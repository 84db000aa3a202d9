const context = 3;

/** Tables for the changed middle of a text stay below this many cells; a larger one counts as replaced whole. */
const largestTable = 4_000_000;

/** What turns one text into another, in the unified format that `patch` and `git apply` take; '' when nothing does. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return '';
  const lines = changes(linesOf(before), linesOf(after));
  const text = hunks(lines).map((hunk) => printed(hunk, lines));
  return `--- a/${name}\n+++ b/${name}\n${text.join('')}`;
}

interface Line {
  readonly mark: ' ' | '-' | '+';
  /** With its line end, if it has one. */
  readonly text: string;
  /** Lines of the old and the new text before this one. */
  readonly old: number;
  readonly now: number;
}

function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function changes(old: readonly string[], now: readonly string[]): Line[] {
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  const most = Math.min(old.length, now.length) - head;
  while (tail < most && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const lines: Line[] = [];
  let [at, to] = [0, 0];
  const add = (mark: Line['mark']) => {
    lines.push({ mark, text: (mark === '+' ? now[to] : old[at])!, old: at, now: to });
    if (mark !== '+') at++;
    if (mark !== '-') to++;
  };
  for (let line = 0; line < head; line++) add(' ');
  for (const mark of middle(old.slice(head, old.length - tail), now.slice(head, now.length - tail))) add(mark);
  for (let line = 0; line < tail; line++) add(' ');
  return lines;
}

/** The marks of a shortest script from one list of lines to another, by their longest common subsequence. */
function middle(old: readonly string[], now: readonly string[]): Line['mark'][] {
  if (old.length * now.length > largestTable) return [...old.map(() => '-' as const), ...now.map(() => '+' as const)];
  const width = now.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i * width + j] =
        old[i] === now[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const marks: Line['mark'][] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const same = i < old.length && j < now.length && old[i] === now[j];
    const removed = i < old.length && (j === now.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!);
    marks.push(same ? ' ' : removed ? '-' : '+');
    if (same || removed) i++;
    if (same || !removed) j++;
  }
  return marks;
}

/** Ranges of lines: each change with the lines around it, joined where they touch. */
function hunks(lines: readonly Line[]): [from: number, to: number][] {
  const found: [number, number][] = [];
  lines.forEach(({ mark }, index) => {
    if (mark === ' ') return;
    const [from, to] = [Math.max(0, index - context), Math.min(lines.length, index + context + 1)];
    const last = found.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else found.push([from, to]);
  });
  return found;
}

function printed([from, to]: readonly [number, number], lines: readonly Line[]): string {
  const hunk = lines.slice(from, to);
  const range = (mark: '-' | '+', before: number) => {
    const count = hunk.filter((line) => line.mark === mark || line.mark === ' ').length;
    return `${mark}${count === 0 ? before : before + 1}${count === 1 ? '' : `,${count}`}`;
  };
  const head = `@@ ${range('-', hunk[0]!.old)} ${range('+', hunk[0]!.now)} @@\n`;
  const body = hunk.map(({ mark, text }) =>
    text.endsWith('\n') ? `${mark}${text}` : `${mark}${text}\n\\ No newline at end of file\n`,
  );
  return head + body.join('');
}
