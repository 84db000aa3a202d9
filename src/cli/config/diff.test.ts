import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unifiedDiff } from './diff.ts';

test('a change is shown with three lines around it', () => {
  const before = Array.from({ length: 12 }, (_, line) => `${line}\n`).join('');
  expect(unifiedDiff(before, before.replace('5\n', 'five\n'), 'm/config.pbtxt')).toBe(
    `--- a/m/config.pbtxt
+++ b/m/config.pbtxt
@@ -3,7 +3,7 @@
 2
 3
 4
-5
+five
 6
 7
 8
`,
  );
  const twice = unifiedDiff(before, before.replace('0\n', '').replace('11\n', '11\n12\n'), 'x');
  expect(twice.match(/^@@.*$/gm)).toEqual(['@@ -1,4 +1,3 @@', '@@ -10,3 +9,4 @@']);
});

test('equal texts have no difference, and a missing line end is said', () => {
  expect(unifiedDiff('a\n', 'a\n', 'x')).toBe('');
  expect(unifiedDiff('a', 'a\n', 'x')).toBe('--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n');
  expect(unifiedDiff('', 'a\n', 'x')).toContain('@@ -0,0 +1 @@\n+a\n');
});

/** What `patch` does. */
function patched(before: string, diff: string): string {
  const old = before.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  let out = '';
  let at = 0;
  for (const line of diff.match(/[^\n]*\n/g)?.slice(2) ?? []) {
    const hunk = /^@@ -(\d+)(?:,(\d+))? /.exec(line);
    if (hunk) {
      const start = hunk[2] === '0' ? Number(hunk[1]) : Number(hunk[1]) - 1;
      while (at < start) out += old[at++];
    } else if (line.startsWith('+')) out += line.slice(1);
    else {
      expect(old[at]!.replace(/\n?$/, '\n')).toBe(line.slice(1));
      if (line.startsWith(' ')) out += line.slice(1);
      at++;
    }
  }
  return out + old.slice(at).join('');
}

test('applied to the old text it gives the new one', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '')).map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const diff = unifiedDiff(before, after, 'x');
      expect(diff === '' ? before : patched(before, diff)).toBe(after);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('texts without anything in common answer at once', () => {
  const text = (word: string) => Array.from({ length: 20_000 }, (_, line) => `${word} ${line}\n`).join('');
  expect(unifiedDiff(text('a'), text('b'), 'x')).toContain('@@ -1,20000 +1,20000 @@');
});
