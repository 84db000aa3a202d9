import { type CompletionChange, type ParsedConfig, parseConfig } from '../../config/index.ts';

/** Comments stand in one column as long as their lines end before this one. */
const rightmost = 72;

/** A text with a comment behind some of its lines; `comments` counts lines from 0. It stays the same configuration. */
export function withComments(
  text: string,
  comments: ReadonlyMap<number, string>,
  shade = (part: string) => part,
): string {
  const lines = text.split('\n');
  const lengths = [...comments.keys()].map((line) => lines[line]!.length).filter((length) => length <= rightmost);
  const column = Math.max(0, ...lengths) + 2;
  return lines
    .map((line, index) => {
      const comment = comments.get(index);
      if (comment === undefined) return line;
      return `${line}${' '.repeat(Math.max(2, column - line.length))}${shade(`# ${comment}`)}`;
    })
    .join('\n');
}

const who: Readonly<Record<CompletionChange['by'], string>> = {
  server: 'server',
  file: 'model file',
  backend: 'backend',
  default: 'default',
  flag: 'server flag',
};

/**
 * Who set each line of a completed configuration's text, and why: `you`, with the line of your file, or whoever changed
 * it on the way. Lines that only close something have no comment.
 */
export function provenance(
  text: string,
  changes: readonly CompletionChange[],
  written: ParsedConfig | undefined,
): Map<number, string> {
  const comments = new Map<number, string>();
  const printed = parseConfig(text);
  let offset = 0;
  text.split('\n').forEach((line, index) => {
    if (/\w/.test(line)) {
      const path = printed.pathAt(offset + line.search(/\S/));
      const parts = partsOf(path, changes, written, (inner) => printed.at(inner)?.line === index + 1);
      if (parts.length > 0) comments.set(index, parts.join('; '));
    }
    offset += line.length + 1;
  });
  return comments;
}

function partsOf(
  path: string,
  changes: readonly CompletionChange[],
  written: ParsedConfig | undefined,
  isOnLine: (path: string) => boolean,
): string[] {
  const own = changes.findLast((one) => one.path === path);
  const within = changes.filter((one) => isWithin(one.path, path));
  const given = written?.at(path);
  const parts: string[] = [];
  if (own !== undefined) parts.push(reasonOf(own) + before(given, written));
  else if (given !== undefined) parts.push(`you, line ${given.line}`);
  else {
    const around = changes.findLast((one) => isWithin(path, one.path));
    if (around !== undefined) parts.push(who[around.by]);
  }
  const onLine = within.filter((one) => isOnLine(one.path));
  if (parts.length > 0) parts.push(...onLine.map((one) => `${one.path.slice(path.length + 1)} by ${reasonOf(one)}`));
  else if (onLine.length > 0) parts.push(...onLine.map(reasonOf));
  else if (within[0] !== undefined) parts.push(who[within[0].by]);
  return parts;
}

function reasonOf({ by, reason }: CompletionChange): string {
  return `${who[by]}: ${reason}`;
}

/** What stood in the file before it was changed, where that is a plain value. */
function before(given: ReturnType<ParsedConfig['at']>, written: ParsedConfig | undefined): string {
  if (given === undefined || written === undefined) return '';
  return ` (you wrote ${written.text.slice(given.start, given.end)}, line ${given.line})`;
}

/** Whether a path leads into what another one names. */
function isWithin(path: string, outer: string): boolean {
  return path.startsWith(outer) && /^[.[]/.test(path.slice(outer.length));
}
